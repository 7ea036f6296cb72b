// SPDX-License-Identifier: Apache-2.0
// How long a view's data takes with many stored legs: the paths of the console's test, stored again and again over a day with
// ids and times of their own, asked for as the views do. `node views_bench.mjs --build DIR [--legs N] [--rounds N] [--paint no] [--views REGEXP]`;
// with --rolled no the roll-ups are not waited for (nothing but lists of paths is as the console gets it then).
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium, Browser } from "./browser.mjs";
import { Fixture } from "./fixture.mjs";

const options = parseArgs({ options: { build: { type: "string", default: "build/release" }, legs: { type: "string", default: "10000000" }, rounds: { type: "string", default: "20" }, paint: { type: "string", default: "yes" }, views: { type: "string", default: "" }, rolled: { type: "string", default: "yes" } } }).values;
const dayS = 86400, copiesAtOnce = 150, rollingMsMax = 1800000;
const fixture = new Fixture(resolve(options.build));
const p = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * part) - 1)];

async function sql(statement) {
  const response = await fetch(`${fixture.storeUrl}/?database=clew`, { method: "POST", body: statement });
  const text = await response.text();
  if (!response.ok) throw new Error(`${statement.slice(0, 80)}: ${text.slice(0, 300)}`);
  return text.trim();
}

/** Copies of every stored path, one each step of the day. Without the control plane: it would roll each hour up again and again. */
async function fill(legsWanted) {
  await fixture.endSensors();
  await fixture.end("control");
  await sql("CREATE TABLE seed_paths AS paths");
  await sql("INSERT INTO seed_paths SELECT * FROM paths FINAL WHERE NOT retracted");
  const [paths, legs] = (await sql("SELECT count(), sum(leg_count) FROM seed_paths FORMAT TabSeparated")).split("\t").map(Number);
  const copies = Math.ceil(legsWanted / legs), step = dayS / copies;
  const start = Date.now();
  for (let from = 1; from < copies; from += copiesAtOnce)
    await sql(`INSERT INTO paths SELECT * EXCEPT (copy, shift) REPLACE(sipHash64(path_id, copy) AS path_id, first_ns - shift * 1000000000 AS first_ns, last_ns - shift * 1000000000 AS last_ns, stored_at - shift AS stored_at)
      FROM (SELECT *, arrayJoin(range(${from}, ${Math.min(copies, from + copiesAtOnce)})) AS copy, toInt64(copy * ${step}) AS shift FROM seed_paths)`);
  console.log(`${paths * copies} paths of ${legs * copies} legs stored over a day, in ${((Date.now() - start) / 1000).toFixed(0)} s`);
  await fixture.startControl();
}

/** Waits until the hours that are over are rolled up, and the slices of the one that is not, and says what that cost: all of it, as the control plane does it. */
async function rolledUp() {
  const start = Date.now();
  const closed = "hour + 3720 <= now()";
  for (;;) {
    const made = Number(await sql(`SELECT count() FROM (SELECT hour, argMax(seen, step) AS s, argMax(block, step) AS b FROM rolled_hours GROUP BY hour) AS m JOIN (SELECT toStartOfHour(min_time) AS hour, max(max_block_number) AS n, max(n) OVER (ORDER BY hour) AS upto FROM system.parts WHERE active AND database = 'clew' AND table = 'paths' AND rows > 0 GROUP BY hour) AS p USING hour WHERE s >= upto AND b >= n AND ${closed}`));
    const wanted = Number(await sql(`SELECT count() FROM (SELECT DISTINCT toStartOfHour(min_time) AS hour FROM system.parts WHERE active AND database = 'clew' AND table = 'paths' AND rows > 0) WHERE ${closed}`));
    const open = "stored_at >= (SELECT max(hour) + 3600 FROM rolled_hours) AND toStartOfFiveMinutes(stored_at) + 310 <= now()";
    const slices = Number(await sql(`SELECT count() FROM (SELECT DISTINCT toStartOfFiveMinutes(stored_at) AS s FROM paths WHERE ${open}) WHERE s NOT IN (SELECT hour FROM rolled_slices)`));
    if (made >= wanted && slices === 0) break;
    if (Date.now() - start > rollingMsMax) throw new Error(`${made} of ${wanted} hours are made`);
    await new Promise((done) => setTimeout(done, 1000));
  }
  console.log(`rolled up ${((Date.now() - start) / 1000).toFixed(0)} s after the end of filling`);
  console.log(await sql("SELECT table, sum(rows), sum(bytes_on_disk), round(sum(bytes_on_disk) / uniqExact(partition)) AS an_hour FROM system.parts WHERE active AND database = 'clew' AND table != 'seed_paths' GROUP BY table ORDER BY table FORMAT TabSeparated"));
}

const filtered = (filter) => ["paths?limit=200&abnormal_first=1", "facets?limit=8&buckets=120"].map((one) => `${one}&filter=${encodeURIComponent(filter)}`);
const views = {
  Home: ["incidents?buckets=60", "services?buckets=60&limit=12", "gateway_groups?buckets=0&limit=100"],
  Paths: ["paths?limit=200&abnormal_first=1", "facets?limit=8&buckets=120"],
  "The table alone": ["paths?limit=200&abnormal_first=1"], "The table, newest first": ["paths?limit=200"],
  "Paths of an address": filtered("ip.addr == ADDRESS"), "Paths of a network": filtered("ip.addr == ADDRESS/24"), "Paths of a port": filtered("tcp.port == 443"),
  "Slow paths": filtered("path.delay > 2ms"), "Paths with lost packets": filtered("path.lost > 0"), "Paths with duplicate ACKs": filtered("tcp.analysis.duplicate_ack"),
  Gateways: ["gateway_groups?buckets=60&limit=500"], Topology: ["topology?limit=60"], Trust: ["histogram?buckets=60&by=path.unlinked", "clocks?buckets=60"],
  "Two times compared": ["compare?filter="],
};

async function measure(rangeS, rounds) {
  const minuteNs = 60000000000n, nowNs = BigInt(Date.now()) * 1000000n;
  const until = rangeS < 3600 ? nowNs : nowNs + minuteNs - (nowNs % minuteNs), since = until - BigInt(rangeS) * 1000000000n;
  const address = (await fixture.get(`paths?since_ns=${since}&limit=1`)).paths[0].legs[0].client.replace(/:\d+$/, "");
  for (const [name, questions] of Object.entries(views).filter(([name]) => new RegExp(options.views).test(name))) {
    const times = [];
    let partial = "";
    for (let n = 0; n < rounds; ++n) {
      const start = performance.now();
      const answers = await Promise.all(questions.map((one) => fixture.get(`${one.replace("ADDRESS", address)}&since_ns=${since}&until_ns=${until}`)));
      times.push(performance.now() - start);
      partial ||= answers.map((one) => one.partial ?? "").find((one) => /longer|memory/.test(one)) ?? "";
    }
    console.log(`${rangeS === dayS ? "a day" : `${rangeS / 60} min`}, ${name}: median ${p(times, 0.5).toFixed(0)} ms, p95 ${p(times, 0.95).toFixed(0)} ms${partial ? `, partial: ${partial}` : ""}`);
  }
}

async function firstPaint() {
  const browser = await Browser.open(fixture.url, resolve(new URL("../../controlplane/console/node_modules", import.meta.url).pathname));
  const times = [];
  for (let n = 0; n < 7; ++n) {
    const page = await browser.page();
    await page.goto(`${fixture.url}/`);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN));
    await page.context().close();
  }
  console.log(`first paint of the home page, ${chromium}: median ${p(times, 0.5).toFixed(0)} ms, worst of 7 ${p(times, 1).toFixed(0)} ms`);
  await browser.close();
}

try {
  await fixture.startStore();
  await fixture.begin();
  await fill(Number(options.legs));
  if (options.paint === "yes") await firstPaint();
  if (options.rolled === "yes") await rolledUp();
  for (const rangeS of [900, dayS, 6 * 3600]) await measure(rangeS, Number(options.rounds));
} finally {
  await fixture.stop();
}
process.exit(0);
