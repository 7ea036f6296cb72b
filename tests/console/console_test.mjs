// SPDX-License-Identifier: Apache-2.0
// The console, driven: search → path → why linked → ladder; facets; the slow instance first on the home page; Trust when a
// sensor is gone; Chinese; the budgets. `--looks all` takes every screen in every size, theme and language (else one of each),
// `--screens DIR` keeps screenshots of them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { parseArgs } from "node:util";
import { Browser, chromium, downloaded, framesOf } from "./browser.mjs";
import { eventually, Fixture, reasonToSkip } from "./fixture.mjs";

const options = parseArgs({ options: { build: { type: "string" }, looks: { type: "string", default: "dark" }, screens: { type: "string" } } }).values;
const build = resolve(options.build ?? "build/release");
const modules = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../../controlplane/console/node_modules");
const firstLoadBytesMax = 350 * 1024;
const awaySecondsMax = 10;
const secondsMax = 560;  // of a busy machine; a quiet one takes a tenth
const looks = [["dark", 1366, 768], ["light", 2560, 1440], ["zh", 1366, 768]].filter(([look]) => options.looks === "all" || options.looks.split(",").includes(look));

const reason = reasonToSkip(build, chromium, modules);
if (reason) {
  console.log(`SKIPPED, NOTHING OF THE CONSOLE WAS TESTED: ${reason}`);
  process.exit(77);
}

if (options.screens) mkdirSync(options.screens, { recursive: true });

test("the console", { timeout: secondsMax * 1000 }, async (t) => {
  const fixture = new Fixture(build);
  t.after(() => fixture.stop());
  await fixture.begin();
  const browser = await Browser.open(fixture.url, modules);
  t.after(() => browser.close());
  const since = String(fixture.startNs);
  const at = (path, query = {}) => `${fixture.url}${path}?${new URLSearchParams({ since, ...query })}`;
  const slowPath = (await fixture.get(`gateway_groups?since_ns=${since}`)).groups.find((g) => g.from_tap === "nat-edge").instances.find((i) => i.instance.endsWith(":03")).slowest_path;

  const longPath = (await fixture.get(`paths?since_ns=${since}&limit=1&filter=path.hops%20%3D%3D%205%20and%20path.packets%20%3E%20100`)).paths[0].path_id;

  await t.test("first load is small", () => {
    const folder = join(build, "share/clew/console");
    const bytes = ["index.html.gz", ...readdirSync(join(folder, "assets")).filter((name) => name.endsWith(".gz")).map((name) => `assets/${name}`)]
      .reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
    console.log(`first load: ${bytes} bytes gzipped`);
    assert.ok(bytes <= firstLoadBytesMax, `${bytes} bytes`);
  });

  await t.test("home shows the slow instance first, one click from a path that shows it", async () => {
    const page = await browser.page();
    await page.goto(at("/"));
    const first = page.locator(".incidents li").first();
    await first.waitFor();
    assert.match(await first.textContent(), /slow instance/);
    assert.match(await first.textContent(), /02:00:5e:01:00:03/);
    await first.getByRole("link", { name: "A path that shows it" }).click();
    await page.locator(".lanes .leg").nth(4).waitFor();
    assert.match(await page.locator(".lanes").textContent(), /4\.\d+ ms/);
    await page.close();
  });

  await t.test("search an address → its path → why linked → ladder", async () => {
    const page = await browser.page();
    await page.goto(at("/"));
    const path = await fixture.get(`paths/${slowPath}`);
    const address = path.legs[0].client;
    await page.keyboard.press("/");
    await page.keyboard.type(address);
    await page.keyboard.press("Enter");
    const row = page.locator(".table .row").first();
    await row.waitFor();
    assert.ok((await row.textContent()).includes(address));
    assert.ok((await row.textContent()).includes(path.legs[4].server), "the server behind the NATs stands beside");
    await page.locator(".table").focus();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.locator(".lanes .leg").nth(4).waitFor();
    assert.equal(await page.locator(".lanes .leg").count(), 5);
    await page.locator(".joint button.grade").first().click();
    assert.match(await page.locator(".why").textContent(), /bits of evidence/);
    assert.match(page.url(), /why=0/);
    await page.getByRole("link", { name: "Ladder", exact: true }).click();
    await page.locator(".ladder canvas").waitFor();
    assert.match(await page.locator(".ladder .scroll").getAttribute("aria-label"), /packets at 5 taps/);
    await page.locator(".ladder .scroll").focus();
    await page.keyboard.press("ArrowDown");
    await page.locator(".ladder .scroll").click({ position: { x: 400, y: 10 } });
    assert.match(await page.locator(".cells caption").textContent(), /SYN/);
    assert.equal(await page.locator(".cells tbody tr").count(), 5);
    const painted = await page.locator(".ladder canvas").evaluate((canvas) => {
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, Math.min(200, canvas.height)).data, seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return seen.size;
    });
    assert.ok(painted > 10, `the ladder is drawn: ${painted} colours`);
    const all = await downloaded(page, page.getByRole("button", { name: "pcapng of all taps" }));
    const packets = framesOf(all);
    assert.ok(packets.length > 5, `tshark reads ${packets.length} frames`);
    assert.equal(new Set(packets.map((line) => line.split("\t")[0])).size, 5, "frames of five taps");
    assert.ok(packets.every((line) => line.split("\t")[1].includes(path.proto)), "every frame is of the path's protocol");
    await page.locator(".ladder .scroll").click({ position: { x: 400, y: 50 }, modifiers: ["Shift"] });
    const some = framesOf(await downloaded(page, page.getByRole("button", { name: "pcapng of the range" })));
    assert.ok(some.length > 0 && some.length < packets.length, `${some.length} of ${packets.length} frames are in the range`);
    await page.close();
  });

  await t.test("losses are told apart, who sent a reset is said, and what gateways were learnt to do", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=10000`);
    const lossy = paths.find((path) => path.links.some((link) => link.losses.some((loss) => loss.lost > 0)));
    const reset = paths.find((path) => path.resets.length > 0);
    assert.ok(lossy && reset, "the corpora have losses and resets");
    const page = await browser.page();
    await page.goto(at(`/path/${lossy.path_id}`));
    await page.locator(".fates").waitFor();
    assert.match(await page.locator(".fates").textContent(), /packets lost on the wire between taps/);
    assert.match(await page.locator(".lanes").textContent(), /✕ \d+ lost/);
    await browser.fits(page, "lossy path");
    await browser.accessible(page, "lossy path");
    if (options.screens) await page.screenshot({ path: join(options.screens, "lossy-dark.png") });
    await page.goto(at(`/path/${reset.path_id}`));
    assert.match(await page.locator(".fates").textContent(), new RegExp(`reset to the (server|client), sent by (the )?(${reset.resets[0].by}|a middlebox)`));
    await page.goto(at("/gateways"));
    const profile = page.locator(".profile").first();
    await profile.locator("summary").click();
    assert.match(await profile.textContent(), /client-sequence/);
    await page.goto(at("/gateways"));
    await page.locator(".fates-cell .bad", { hasText: /✕ \d/ }).first().waitFor();
    await page.close();
  });

  await t.test("facets, only this and not this narrow the table, and the address keeps it", async () => {
    const page = await browser.page();
    await page.goto(at("/paths"));
    await page.locator(".table .row").first().waitFor();
    const facet = page.locator(".facets section", { has: page.locator("h3", { hasText: /^proto$/ }) });
    await facet.getByRole("button", { name: "udp" }).click();
    await facet.getByRole("button", { name: "Not this" }).click();
    await eventually(() => new URL(page.url()).searchParams.get("filter") === "not proto == udp", "the filter is in the address");
    await eventually(async () => !(await page.locator(".facets").textContent()).includes("udp"), "no UDP is counted");
    const shown = await page.locator(".strip .muted").first().textContent();
    await page.reload();
    await page.locator(".table .row").first().waitFor();
    await eventually(async () => (await page.locator(".strip .muted").first().textContent()) === shown, "the same after a reload");
    await page.goto(at("/paths", { filter: "ip.adr == 1" }));
    await page.locator(".note.bad").first().waitFor();
    assert.match(await page.locator(".note.bad").first().textContent(), /no field 'ip.adr'/);
    await page.close();
    browser.faults = browser.faults.filter((fault) => !/ip\.adr.*400 \(Bad Request\)/.test(fault)); // asked for
  });

  await t.test("paging reaches every path once", async () => {
    const ids = new Set();
    let next = "", pages = 0;
    do {
      const list = await fixture.get(`paths?since_ns=${since}&limit=100${next ? "&cursor=" + encodeURIComponent(next) : ""}`);
      for (const path of list.paths) assert.ok(!ids.has(path.path_id), "twice"), ids.add(path.path_id);
      next = list.next;
      ++pages;
    } while (next && pages < 100);
    const facets = await fixture.get(`facets?since_ns=${since}`);
    assert.equal(ids.size, Number(facets.paths));
    assert.ok(pages > 3);
  });

  await t.test("two times compared: from the gateways, an instance before and now, what changed, and its paths", async () => {
    const end = BigInt(since) + 60000000000n, middle = BigInt(since) + 20000000000n;
    const page = await browser.page();
    await page.goto(`${fixture.url}/gateways?${new URLSearchParams({ since: String(middle), until: String(end) })}`);
    await page.getByRole("link", { name: "compare with another time" }).click();
    await page.locator(".compared tbody tr").nth(2).waitFor();
    assert.match(await page.locator(".compared tbody tr").first().textContent(), /all paths/);
    assert.ok(await page.locator(".compared .member", { hasText: "02:00:5e:01:00:03" }).count(), "instances stand below their group");
    await page.goto(page.url() + `&before=${since}`);
    const answer = await fixture.get(`compare?since_ns=${middle}&until_ns=${end}&before_ns=${since}`);
    assert.equal(answer.before_ns, since);
    await eventually(async () => (await page.locator(".compared tbody tr").count()) === answer.rows.length, "each row is there");
    await page.locator(".compared tbody tr").first().getByRole("link", { name: "before", exact: true }).click();
    await page.locator(".table .row").first().waitFor();
    assert.equal(new URL(page.url()).searchParams.get("since"), since);
    await page.close();
  });

  const screens = [
    ["home", "/", {}, ".plain-table"], ["paths", "/paths", {}, ".table .row"], ["path", `/path/${slowPath}`, { why: "1" }, ".why"],
    ["ladder", `/ladder/${slowPath}`, { row: "3" }, ".cells"], ["sequence", `/ladder/${longPath}`, { show: "sequence", row: "8" }, ".sequence canvas"],
    ["gateways", "/gateways", {}, ".heat canvas"], ["topology", "/topology", {}, ".topology"], ["compare", "/compare", { since: String(BigInt(since) + 20000000000n), before: since }, ".compared"], ["trust", "/trust", {}, ".counters"],
  ];
  for (const [look, width, height] of looks)
    await t.test(`every screen, ${look} at ${width}×${height}: whole, accessible, no error`, async () => {
      const page = await browser.page({ width, height, theme: look === "light" ? "light" : "dark", language: look === "zh" ? "zh" : "en" });
      for (const [name, path, query, sign] of screens) {
        await page.goto(at(path, query));
        await page.locator(sign).first().waitFor();
        await page.waitForLoadState("load");
        await browser.fits(page, `${name} ${look}`);
        await browser.accessible(page, `${name} ${look}`);
        if (look === "zh") assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
        if (options.screens) {
          await page.waitForTimeout(250);
          await page.screenshot({ path: join(options.screens, `${name}-${look}.png`) });
        }
      }
      await page.close();
    });

  await t.test("memory stays flat over a thousand opened paths", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=500`);
    const page = await browser.page(), session = await page.context().newCDPSession(page);
    await page.goto(at(`/path/${slowPath}`));
    await page.locator(".lanes .leg").first().waitFor();
    const heapAfter = async (openings) => {
      await page.evaluate(async ([ids, openings]) => {
        const link = document.querySelector(".brand");
        for (let n = 0; n < openings; ++n) {
          link.setAttribute("href", `/path/${ids[n % ids.length]}?n=${n}`);
          link.click();
          for (const end = Date.now() + 20000; !document.querySelector(".title small")?.textContent.includes(ids[n % ids.length]) && Date.now() < end;) await new Promise((done) => setTimeout(done, 2));
          if (!document.querySelector(".title small")?.textContent.includes(ids[n % ids.length])) throw new Error(`path ${ids[n % ids.length]} was not opened`);
        }
      }, [paths.map((path) => path.path_id), openings]);
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Runtime.getHeapUsage")).usedSize;
    };
    const early = await heapAfter(100), late = await heapAfter(1000);
    console.log(`heap after 100 opened paths ${(early / 1e6).toFixed(2)} MB, after 1000 more ${(late / 1e6).toFixed(2)} MB`);
    assert.ok(late - early < 2e6, `${late - early} bytes more after 1000 more paths`);
    await page.close();
  });

  await t.test("in Chinese: the language, the words, the path", async () => {
    const page = await browser.page({ language: "zh" });
    await page.goto(at(`/path/${slowPath}`, { why: "1" }));
    await page.locator(".why").waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    assert.match(await page.locator(".bar nav").textContent(), /网关/);
    await browser.fits(page, "path zh");
    await page.close();
  });

  await t.test("a sensor that is gone shows in Trust and on the home page", async () => {
    const page = await browser.page();
    await page.goto(at("/trust"));
    await page.getByText("● connected").waitFor();
    const horizons = page.locator(".horizons tbody tr");
    await eventually(async () => !(await horizons.allTextContents()).some((text) => /nothing is kept|\b0 ns/.test(text)), "rows and headers have an oldest");
    assert.match(await horizons.nth(1).textContent(), /headers.*console-sensor/);
    await fixture.end("sensor");
    await page.getByText("○ away").waitFor({ timeout: awaySecondsMax * 1000 });
    await page.goto(at("/"));
    await page.locator(".incidents li.observer").waitFor();
    const ladder = await fixture.get(`paths/${slowPath}/ladder_table`);
    assert.ok(ladder.partial, "the ladder says that its sensor is away");
    await page.goto(at(`/ladder/${slowPath}`));
    await page.locator(".note.partial").waitFor();
    await page.close();
  });

  assert.deepEqual(browser.faults, []);
});
