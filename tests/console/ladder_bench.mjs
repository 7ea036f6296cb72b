// SPDX-License-Identifier: Apache-2.0
// How a ladder of many packets feels: opened in how long, frames a second while it scrolls and zooms, alone and beside the
// time-sequence graph, how long a key and a letter to find take, and what stays in memory of many opened paths. The packets are made
// here and answered in the API's place; the console is the built one. `node ladder_bench.mjs --build DIR [--packets N] [--paths N]`
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";

const options = parseArgs({ options: { build: { type: "string", default: "build/release" }, packets: { type: "string", default: "100000" }, paths: { type: "string", default: "1000" } } }).values;
const build = resolve(options.build), count = Number(options.packets), taps = 5, id = "00000000000000aa";

const leg = (i) => ({ leg_id: String(i).padStart(16, "0"), tap: `tap${i}`, clock: "a", observer: "mirror", client: `10.0.${i}.1:4000`, server: "10.9.0.1:443", layers: [], client_mac: "", server_mac: "", netns: 0, first_ns: "0", last_ns: "0", end: "fin", process: "", pid: 0, to_server: { isn: 0, window_scale: 7 }, to_client: { isn: 0, window_scale: 7 } });
const columns = Array.from({ length: taps }, (_, i) => leg(i));

/** A download: three segments to an acknowledgement, one segment in five hundred lost behind the third tap and sent again. */
function table() {
  const cells = count * taps;
  const to_server = new Uint8Array(count), again = new Uint8Array(count), marks = new Uint8Array(count), missing = new Uint8Array(cells), row_time = new Float64Array(count), seen = new Uint8Array(cells), time = new Float64Array(cells), seq = new Uint32Array(cells), ack = new Uint32Array(cells), length = new Uint32Array(cells), flags = new Uint16Array(cells), ttl = new Uint8Array(cells).fill(60), ip_id = new Uint16Array(cells), window = new Uint32Array(cells).fill(64240), delay = new Float32Array(cells).fill(NaN);
  for (let i = 0, next = 1; i < count; ++i) {
    to_server[i] = i % 4 === 3 ? 1 : 0;
    row_time[i] = i * 1e5;
    const lost = !to_server[i] && i % 500 === 1;
    again[i] = !to_server[i] && i % 500 === 5 ? 1 : 0;
    for (let n = 0; n < taps; ++n) {
      const j = to_server[i] ? n : taps - 1 - n, k = i * taps + j;
      if (lost && n > 2) {
        missing[k] = 1;
        continue;
      }
      seen[k] = 1;
      time[k] = row_time[i] + n * 2e5;
      seq[k] = to_server[i] ? 1 : next;
      ack[k] = to_server[i] ? next : 1;
      length[k] = to_server[i] ? 0 : 1448;
      flags[k] = 16;
      delay[k] = n ? 2e5 : NaN;
    }
    if (!to_server[i]) next += 1448;
  }
  const head = Buffer.from(JSON.stringify({ path_id: id, columns, rows: count, start_ns: "1700000000000000000", partial: "", more: false })), start = Buffer.alloc(8);
  start.write("CLT1");
  start.writeUInt32LE(head.length, 4);
  const padded = (array) => [array, Buffer.alloc((8 - (array.byteLength % 8)) % 8)];
  return Buffer.concat([start, head, ...[row_time, time, seq, ack, length, window, delay, flags, ip_id, to_server, again, marks, seen, missing, ttl].map((array) => Buffer.from(array.buffer))].flatMap(padded));
}

const answers = {
  [`/api/v1/paths/${id}`]: JSON.stringify({ path_id: id, revision: 1, retracted: false, merged_into: "", proto: "tcp", unlinked: "linked", first_ns: "1700000000000000000", last_ns: "1700000010000000000", legs: columns, links: [] }),
  [`/api/v1/paths/${id}/ladder_table`]: table(),
};
const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", html: "text/html" };
const server = createServer((request, response) => {
  const path = request.url.split("?")[0];
  if (answers[path]) return response.writeHead(200, { "Content-Type": typeof answers[path] === "string" ? "application/json" : "application/octet-stream" }).end(answers[path]);
  if (path.startsWith("/api/")) return response.writeHead(404).end("{}");
  const file = join(build, "share/clew/console", existsSync(join(build, "share/clew/console", path)) && path !== "/" ? path : "index.html");
  response.writeHead(200, { "Content-Type": types[file.split(".").pop()] }).end(readFileSync(file));
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await Browser.open(`http://127.0.0.1:${server.address().port}`, resolve(new URL("../../controlplane/console/node_modules", import.meta.url).pathname));
const page = await browser.page();

/** `each`: what is done before a frame, n times; `box`: the part of the page that it is done to. */
async function frames(what, each, part = ".ladder .scroll") {
  const result = await page.evaluate(async ([text, part]) => {
    const box = document.querySelector(part), step = new Function("box", "n", text), gaps = [];
    let last = performance.now();
    for (let n = 0; n < 180; ++n) {
      step(box, n);
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      gaps.push(now - last);
      last = now;
    }
    gaps.sort((a, b) => a - b);
    return { mean: 1000 / (gaps.reduce((a, b) => a + b) / gaps.length), worst: 1000 / gaps[Math.floor(gaps.length * 0.95)] };
  }, [each, part]);
  console.log(`${what}: ${result.mean.toFixed(0)} frames a second, 95 of 100 frames faster than ${result.worst.toFixed(0)}`);
  return result;
}
const wheel = (more) => `const place = box.getBoundingClientRect(); box.dispatchEvent(new WheelEvent("wheel", { cancelable: true, bubbles: true, clientX: place.left + place.width / 2, clientY: place.top + 200, ${more} }))`;
const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** Keys one by one, each till it is painted. */
async function keys(what, times) {
  const took = await page.evaluate(async (times) => {
    const gaps = [];
    for (let n = 0; n < times; ++n) {
      const begin = performance.now();
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true, cancelable: true }));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      gaps.push(performance.now() - begin);
    }
    gaps.sort((a, b) => a - b);
    return { all: gaps.reduce((a, b) => a + b), median: gaps[gaps.length >> 1], worst: gaps[gaps.length - 1] };
  }, times);
  console.log(`${what}: ${times} times in ${took.all.toFixed(0)} ms, each ${took.median.toFixed(0)} ms in the median and ${took.worst.toFixed(0)} at most`);
}

const start = Date.now();
await page.goto(`${browser.url}/ladder/${id}`);
await page.locator(".ladder canvas").waitFor();
await drawn();
console.log(`${count} packets at ${taps} taps: opened in ${Date.now() - start} ms, ${(answers[`/api/v1/paths/${id}/ladder_table`].length / 1e6).toFixed(1)} MB`);
await frames("scrolling by lines", "box.scrollTop += 60");
await frames("scrolling by pages", "box.scrollTop = (n * 7919 * 40) % box.scrollHeight");
await frames("zooming, from rows with words to all packets in sight and back", wheel("ctrlKey: true, deltaY: n % 90 < 45 ? 100 : -100"));
await keys("j, the next packet", 40);
const opening = Date.now();
await page.getByRole("button", { name: "Time-sequence" }).click();
await page.locator(".sequence canvas").first().waitFor();
await drawn();
console.log(`time-sequence: opened in ${Date.now() - opening} ms`);
await keys("j beside the time-sequence", 40);
await frames("scrolling beside the time-sequence", "box.scrollTop += 60");
await frames("zooming the time-sequence", wheel("deltaY: n % 80 < 40 ? -100 : 100"), ".sequence .graph");
await frames("moving the time-sequence, everything in sight", wheel("shiftKey: true, deltaY: n % 8 < 4 ? 20 : -20"), ".sequence .graph");
await page.getByLabel("Find", { exact: true }).focus();
const typed = Date.now(), gaps = page.evaluate(() => new Promise((done) => {
  let worst = 0, last = performance.now();
  const look = (now) => {
    worst = Math.max(worst, now - last);
    last = now;
    if (window.typed) done(worst);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}));
await page.keyboard.type("retransmission", { delay: 60 });
const lastLetter = Date.now();
await page.waitForFunction(() => /^[1-9]\d*$/.test(document.querySelector(".found")?.textContent ?? ""));
const whole = Date.now();
await page.evaluate(() => (window.typed = true));
console.log(`find: 14 letters typed in ${lastLetter - typed} ms, all packets looked at ${whole - lastLetter} ms after the last, the longest frame meanwhile ${(await gaps).toFixed(0)} ms`);

/** Paths opened one after the other within the page, as a reader does: what stays in memory. */
async function heap(openings) {
  for (let n = 0; n < openings; ++n) {
    await page.evaluate((to) => { const link = document.querySelector(".brand"); link.setAttribute("href", to); link.click(); }, `/path/${id}?n=${n}`);
    await page.locator(".lanes .leg").first().waitFor();
    await page.evaluate((to) => { const link = document.querySelector(".brand"); link.setAttribute("href", to); link.click(); }, `/trust?n=${n}`);
    await page.locator(".lanes").waitFor({ state: "detached" });
  }
  await session.send("HeapProfiler.collectGarbage");
  return (await session.send("Runtime.getHeapUsage")).usedSize;
}
const session = await page.context().newCDPSession(page);
const early = await heap(100), late = await heap(Number(options.paths));
console.log(`heap after 100 opened paths ${(early / 1e6).toFixed(2)} MB, after ${options.paths} more ${(late / 1e6).toFixed(2)} MB`);
await page.close();
await browser.close();
server.close();
