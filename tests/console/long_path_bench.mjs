// SPDX-License-Identifier: Apache-2.0
// A long connection from the sensor to the browser: a download through four taps with SNAT between, in capture files that a real
// sensor reads into its vault; then its ladder in the built console, and its packets as pcapng.
// `node long_path_bench.mjs [--build DIR] [--packets N]` prints how long each takes, and the control plane's memory.
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";
import { Fixture, eventually } from "./fixture.mjs";

const options = parseArgs({ options: { build: { type: "string", default: "build/release" }, packets: { type: "string", default: "100000" } } }).values;
const count = Number(options.packets), taps = 4, payload = 1448, gapUs = 100;
const client = [10, 0, 0, 7], snat = [198, 51, 100, 1], server = [192, 0, 2, 10];

/** Ethernet, IPv4, TCP without options; of the payload its first 16 bytes, as a tap that cuts packets has it. */
function frame(tap, toServer, id, seq, ack, flags, length) {
  const ends = [tap > 1 ? snat : client, server], bytes = Buffer.alloc(54 + Math.min(length, 16));
  const [from, to] = toServer ? ends : ends.reverse(), ports = toServer ? [tap > 1 ? 1024 : 40112, 443] : [443, tap > 1 ? 1024 : 40112];
  bytes.writeUIntBE(0x020000000000 + tap * 2 + (toServer ? 1 : 0), 0, 6);
  bytes.writeUIntBE(0x020000000000 + tap * 2 + (toServer ? 0 : 1), 6, 6);
  bytes.writeUInt16BE(0x0800, 12);
  bytes.writeUInt8(0x45, 14);
  bytes.writeUInt16BE(40 + length, 16);
  bytes.writeUInt16BE(id & 0xffff, 18);
  bytes.writeUInt8(64 - (toServer ? tap : taps - 1 - tap), 22);
  bytes.writeUInt8(6, 23);
  Buffer.from([...from, ...to]).copy(bytes, 26);
  bytes.writeUInt16BE(ports[0], 34);
  bytes.writeUInt16BE(ports[1], 36);
  bytes.writeUInt32BE(seq >>> 0, 38);
  bytes.writeUInt32BE(ack >>> 0, 42);
  bytes.writeUInt8(0x50, 46);
  bytes.writeUInt8(flags, 47);
  bytes.writeUInt16BE(64240, 48);
  for (let i = 0; i < bytes.length - 54; ++i) bytes[54 + i] = (seq >>> (i % 4) * 8) + i;
  return bytes;
}

/** Three segments to an acknowledgement. */
function* packets() {
  const isn = 0x11111111, peer = 0x22222222;
  yield [true, isn, 0, 2, 0];
  yield [false, peer, isn + 1, 18, 0];
  yield [true, isn + 1, peer + 1, 16, 0];
  yield [true, isn + 1, peer + 1, 24, 200];
  let next = peer + 1;
  for (let i = 4; i < count - 2; ++i) {
    if (i % 4 === 3) yield [true, isn + 201, next, 16, 0];
    else yield [false, (next += payload) - payload, isn + 201, 16, payload];
  }
  yield [false, next, isn + 201, 17, 0];
  yield [true, isn + 201, next + 1, 17, 0];
}

function capture(tap, file, startNs) {
  const out = openSync(file, "w"), header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b23c4d, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  let parts = [header], at = 0;
  for (const [toServer, seq, ack, flags, length] of packets()) {
    const bytes = frame(tap, toServer, at, seq, ack, flags, length), record = Buffer.alloc(16);
    const time = startNs + BigInt((at * gapUs + 20 * (toServer ? tap : taps - 1 - tap)) * 1000);
    record.writeUInt32LE(Number(time / 1000000000n), 0);
    record.writeUInt32LE(Number(time % 1000000000n), 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(54 + length, 12);
    parts.push(record, bytes);
    if (++at % 4096 === 0) parts = (writeSync(out, Buffer.concat(parts)), []);
  }
  writeSync(out, Buffer.concat(parts));
  closeSync(out);
}

const fixture = new Fixture(resolve(options.build)), modules = resolve(new URL("../../controlplane/console/node_modules", import.meta.url).pathname);
/** Seconds of CPU time that a program has had. */
const cpu = (name) => readFileSync(`/proc/${fixture.children[name].pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
const memory = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${fixture.children.control.pid}/status`, "utf8"))[1]) / 1024;
try {
  mkdirSync(fixture.directory, { recursive: true });
  fixture.startNs = (BigInt(Date.now()) - 120000n) * 1000000n;
  fixture.taps = Array.from({ length: taps }, (_, i) => ({ name: `tap${i}`, file: join(fixture.directory, `tap${i}.pcap`) }));
  fixture.taps.forEach((tap, i) => capture(i, tap.file, fixture.startNs));
  await fixture.startControl();
  await fixture.startSensors();
  const path = await eventually(async () => (await fixture.get(`paths?since_ns=${fixture.startNs}&limit=10`)).paths.find((one) => one.legs.length === taps && one.legs.every((leg) => leg.end === "fin")), "the path is whole", 120);
  console.log(`${count} packets at ${taps} taps: one path of ${path.legs.length} legs; control plane ${memory().toFixed(0)} MB at most so far`);

  let start = Date.now();
  await fixture.get(`paths/${path.path_id}/ladder_table?rows=2000`);
  console.log(`ladder_table: the first 2000 rows in ${Date.now() - start} ms`);
  start = Date.now();
  const table = await fixture.get(`paths/${path.path_id}/ladder_table`);
  console.log(`ladder_table: ${table.rows} rows in ${Date.now() - start} ms${table.partial && `, partial: ${table.partial}`}; control plane ${memory().toFixed(0)} MB at most so far`);

  start = Date.now();
  const times = 5, began = { sensor: cpu("sensor"), control: cpu("control") };
  let bytes = 0;
  for (let n = 0; n < times; ++n) bytes = (await (await fetch(`${fixture.url}/api/v1/paths/${path.path_id}/ladder_table?binary=1`)).arrayBuffer()).byteLength;
  console.log(`ladder_table as bytes: ${(bytes / 1e6).toFixed(1)} MB in ${((Date.now() - start) / times).toFixed(0)} ms, of CPU time the sensor's ${((cpu("sensor") - began.sensor) / times).toFixed(2)} s and the control plane's ${((cpu("control") - began.control) / times).toFixed(2)} s`);

  const browser = await Browser.open(fixture.url, modules), page = await browser.page();
  for (const round of ["first", "second", "third"]) {
    start = Date.now();
    await page.goto(`${fixture.url}/ladder/${path.path_id}`);
    await page.locator(".ladder canvas").waitFor();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const opened = Date.now() - start;
    await page.getByText("the others are on their way").waitFor({ state: "hidden" });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    console.log(`ladder in the browser, ${round} opening: the first packets after ${opened} ms, all after ${Date.now() - start} ms`);
    await page.goto("about:blank");
  }
  await browser.close();

  const before = memory();
  start = Date.now();
  const response = await fetch(`${fixture.url}/api/v1/paths/${path.path_id}/pcap`);
  let first = 0, size = 0;
  for await (const part of response.body) {
    first ||= Date.now() - start;
    size += part.length;
  }
  console.log(`pcapng: ${(size / 1e6).toFixed(1)} MB, first byte after ${first} ms, all after ${Date.now() - start} ms; control plane ${before.toFixed(0)} MB at most before, ${memory().toFixed(0)} after`);
} finally {
  await fixture.stop();
}
