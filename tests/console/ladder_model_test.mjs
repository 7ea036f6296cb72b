// SPDX-License-Identifier: Apache-2.0
// The parts of the ladder that need no page: numbers, lines, ranges, what the graph draws, state and address, finding. The console's
// sources are built for this test alone. `node ladder_model_test.mjs`
import assert from "node:assert/strict";
import { test } from "node:test";
import { consoleParts } from "./console_parts.mjs";

const m = await consoleParts(["ladder", "ladder_numbers", "ladder_range", "ladder_find", "ladder_state", "sequence"]);

const SYN = 2, RST = 4, ACK = 16;
const leg = (i, flows = {}) => ({ leg_id: String(i), tap: `tap${i}`, client: "", server: "", layers: [], ...flows });
const link = (to, more = {}) => ({ from: to - 1, to, kind: "snat", delays: [], evidence: [], ...more });

/** One tap or more; a packet: [toServer, seq, ack, length, flags, window, times at the taps (null: not seen), more]. */
function rowsOf(packets, columns = [leg(0)], path) {
  const taps = columns.length, count = packets.length, cells = count * taps;
  const arrays = [new Float64Array(count), new Float64Array(cells), new Uint32Array(cells), new Uint32Array(cells), new Uint32Array(cells), new Uint32Array(cells), new Float32Array(cells).fill(NaN), new Uint16Array(cells), new Uint16Array(cells), new Uint8Array(count), new Uint8Array(count), new Uint8Array(count), new Uint8Array(cells), new Uint8Array(cells), new Uint8Array(cells)];
  const [rowTime, time, seq, ack, length, window, delay, flags, , toServer, again, marks, seen, missing] = arrays;
  packets.forEach(([way, first, acked, size, bits, wide, times, more = {}], i) => {
    toServer[i] = way;
    again[i] = more.again ?? 0;
    marks[i] = more.marks ?? 0;
    rowTime[i] = times.find((one) => one !== null);
    times.forEach((at, j) => {
      const k = i * taps + j;
      if (at === null) return void (missing[k] = more.missing ?? 0);
      seen[k] = 1;
      time[k] = at;
      seq[k] = (first + (more.shift?.[j] ?? 0)) >>> 0;
      ack[k] = acked >>> 0;
      length[k] = size;
      flags[k] = bits;
      window[k] = wide;
      const before = way ? j - 1 : j + 1;
      if (times[before] != null) delay[k] = at - times[before];
    });
  });
  const bytes = Buffer.concat(arrays.map((array) => Buffer.concat([Buffer.from(array.buffer), Buffer.alloc((8 - (array.byteLength % 8)) % 8)])));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return m.fromTable({ path_id: "0", columns, rows: count, start_ns: "0", partial: "", more: false, delay_error_ns: columns.map((_, j) => (j ? 50 : -1)), bytes: buffer, at: 0 }, path);
}

test("numbers count from the stream's first byte at every tap, also where a tap missed it; proxies begin anew", () => {
  const columns = [leg(0, { to_server: { isn: 100 } }), leg(1), leg(2, { to_server: { isn: 7000 } })];
  const path = { legs: columns, links: [link(1, { delta_to_server: 4294967295 }), link(2, { kind: "relay" })] };
  const bases = m.basesOf(columns, path, () => undefined);
  const toServer = (array) => [0, 1, 2].map((tap) => array[tap * 2 + 1]);
  assert.deepEqual(toServer(bases.base), [100, 99, 7000]);
  assert.deepEqual(toServer(bases.home), [100, 100, 7000]);
  const seen = m.basesOf([leg(0), leg(1)], { legs: [leg(0), leg(1)], links: [link(1, { delta_to_server: 10 })] }, (tap, way) => (way && tap ? 500 : undefined));
  assert.deepEqual([seen.base[1], seen.base[3]], [490, 500], "from the first packet seen, told to the taps before");
  const apart = m.basesOf([leg(0), leg(1)], undefined, (tap) => tap * 1000);
  assert.deepEqual([apart.base[1], apart.base[3]], [0, 1000], "without links each tap counts for itself");
});

test("normalised numbers are the first tap's", () => {
  const columns = [leg(0, { to_server: { isn: 100 } }), leg(1)], path = { legs: columns, links: [link(1, { delta_to_server: 50 })] };
  const rows = rowsOf([[1, 101, 0, 10, ACK, 1, [0, 5], { shift: [0, 50] }]], columns, path);
  for (const [numbers, there] of [["raw", [101, 151]], ["relative", [1, 1]], ["normalised", [101, 101]]])
    assert.deepEqual([0, 1].map((tap) => m.sequenceNumber(rows, tap, tap, 1, numbers)), there, numbers);
});

test("lines fold plain ACKs and mark idle times; a row is found again", () => {
  const rows = rowsOf([[1, 1, 1, 10, ACK, 1, [0]], [0, 1, 11, 0, ACK, 1, [10]], [0, 1, 11, 0, ACK, 1, [20]], [1, 11, 1, 10, ACK, 1, [5e8]], [0, 1, 21, 0, ACK, 0, [5e8 + 1], { marks: 2 }]]);
  assert.deepEqual([...m.linesOf(rows, false, false)], [0, 1, 2, 3, 4]);
  const lines = m.linesOf(rows, true, true);
  assert.deepEqual([...lines], [0, -3, m.idleMark, 3, 4], "a zero window is no plain ACK");
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((row) => m.lineOf(lines, row)), [0, 3, 3, 3, 4, 5]);
});

test("words are as long as there is room for", () => {
  const rows = rowsOf([[1, 4294967000, 4294967295, 1448, 24, 65535, [0], { again: 1 }]]);
  assert.equal(m.words(rows, 0, true, "raw"), "PSH ACK seq 4294967000 ack 4294967295 win 65535 len 1448 retransmission");
  for (const letters of [80, 60, 40, 30, 22, 14]) assert.ok(m.wordsIn(rows, 0, true, "raw", letters).length <= letters, `${letters}: ${m.wordsIn(rows, 0, true, "raw", letters)}`);
  assert.match(m.wordsIn(rows, 0, true, "raw", 30), /4294967000\+1448.*retr/);
});

test("a range's delays per hop with their ±, round trips at each tap, losses", () => {
  const columns = [leg(0), leg(1)];
  const rows = rowsOf([
    [1, 1, 1, 100, ACK, 1, [0, 1000]], [1, 101, 1, 100, ACK, 1, [100, 1300]], [0, 1, 201, 0, ACK, 1, [5000, 4000]], [1, 201, 1, 50, ACK, 1, [6000, null], { missing: 1 }],
    [1, 201, 1, 50, ACK, 1, [9000, 9900], { again: 1 }], [0, 1, 251, 0, ACK, 1, [20000, 19000]],
  ], columns);
  const span = m.spanOf(rows, 0, 5), hop = (from) => span.hops.find((one) => one.from === from);
  assert.deepEqual({ ...hop(0).spread }, { samples: 3, min: 900, mean: (1000 + 1200 + 900) / 3, max: 1200 });
  assert.equal(hop(0).error, 50);
  assert.deepEqual({ ...hop(1).spread }, { samples: 2, min: 1000, mean: 1000, max: 1000 });
  const trip = (tap) => span.trips.find((one) => one.tap === tap && one.toServer === 1).spread;
  assert.deepEqual([trip(0).samples, trip(0).mean], [1, 4900], "of the newest segment that is acknowledged; what was sent twice is left out");
  assert.deepEqual([trip(1).samples, trip(1).mean], [1, 2700], "as that tap saw both");
  assert.deepEqual([span.packets, span.bytes, span.again, span.lost, span.gaps, span.toServer], [6, 300, 1, 1, 0, 4]);
});

test("the graph's points: windows scaled as the SYNs said, duplicate ACKs, zero windows, what was sent again", () => {
  const columns = [leg(0, { to_server: { isn: 4294967290, window_scale: 0 }, to_client: { isn: 900, window_scale: 7 } })], path = { legs: columns, links: [] };
  const packets = [
    [1, 4294967290, 0, 0, SYN, 1000, [0]], [0, 900, 4294967291, 0, SYN | ACK, 500, [10]], [1, 4294967291, 901, 100, ACK, 1, [20]], [1, 95, 901, 100, ACK, 1, [30]],
    [0, 901, 95, 0, ACK, 2, [40]], [0, 901, 95, 0, ACK, 2, [50]], [1, 95, 901, 100, ACK, 1, [60], { again: 1 }], [0, 901, 195, 0, ACK, 0, [70], { marks: 2 }], [1, 195, 901, 0, RST, 0, [80]],
  ];
  const { segments, acks } = m.seriesOf(rowsOf(packets, columns, path), 1, 0);
  assert.deepEqual([...segments.low], [0, 1, 101, 101, 201], "past 2^32 they go on");
  assert.deepEqual([...segments.high], [1, 101, 201, 201, 201]);
  assert.deepEqual([...segments.kind], [2, 0, 0, 1, 8]);
  assert.deepEqual([...acks.low], [1, 101, 101, 201]);
  assert.deepEqual([...acks.high], [501, 101 + 256, 101 + 256, 201], "a SYN's own window is not scaled");
  assert.deepEqual([...acks.kind], [0, 0, 16, 32]);
  assert.deepEqual([...segments.marked], [0, 3, 4]);
  const unknown = m.seriesOf(rowsOf(packets, [leg(0)]), 1, 0).acks;
  assert.ok(unknown.high.slice(1).every(Number.isNaN), "no scale, no window");
});

test("points stand in the order of their own tap's times, and are found by time", () => {
  const rows = rowsOf([[1, 1, 1, 10, ACK, 1, [0, 900]], [1, 11, 1, 10, ACK, 1, [10, 500]], [1, 21, 1, 10, ACK, 1, [20, 700]]], [leg(0), leg(1)]);
  const { segments } = m.seriesOf(rows, 1, 1);
  assert.deepEqual([...segments.at], [500, 700, 900]);
  assert.deepEqual([...segments.row], [1, 2, 0]);
  assert.deepEqual([0, 500, 501, 900, 901].map((ns) => m.firstAt(segments, ns)), [0, 0, 1, 2, 3]);
});

test("the bytes in sight hold the data, and windows that are not too far up", () => {
  const points = (low, high) => ({ count: 1, at: Float64Array.of(5), low: Float64Array.of(low), high: Float64Array.of(high), kind: Uint8Array.of(0), row: Int32Array.of(0), marked: new Int32Array(0) });
  const shown = (edge, more) => m.bytesIn([{ tap: 0, segments: points(0, 100), acks: points(0, edge) }], { fromNs: 0, toNs: 10, ...more }).map(Math.round);
  assert.deepEqual(shown(NaN), [-2, 104]);
  assert.deepEqual(shown(290), [-2, 294]);
  assert.deepEqual(shown(1e6), [-2, 204]);
  assert.deepEqual(shown(1e6, { low: 3, high: 4 }), [3, 4]);
});

test("zoom keeps what is under the pointer, and something in sight", () => {
  const all = { fromNs: 0, toNs: 1000 }, closer = m.zoomed(all, 0.5, 250, all);
  assert.deepEqual(closer, { fromNs: 125, toNs: 625 });
  let sight = all;
  for (let n = 0; n < 100; ++n) sight = m.moved(sight, 700, all);
  assert.ok(sight.fromNs < all.toNs);
  for (let n = 0; n < 100; ++n) sight = m.zoomed(sight, 0.5, sight.fromNs, all);
  assert.ok(sight.toNs - sight.fromNs >= 199);
  const { step, marks } = m.stepsOf(0, 1030, 6);
  assert.equal(step, 200);
  assert.deepEqual(marks, [0, 200, 400, 600, 800, 1000]);
});

test("the state and its address say the same; what cannot be is as where nothing was chosen", () => {
  const usual = m.stateOf({});
  assert.ok(Object.values(m.queryOf(usual)).every((value) => value === ""));
  const state = { row: 12, anchor: 40, top: 9, height: 2.5, foldAcks: true, markIdle: false, numbers: "normalised", find: "seq 1", way: 1, hidden: [0, 3], sight: { fromNs: 12.5, toNs: 1e9, low: -5, high: 100 } };
  assert.deepEqual(m.stateOf(m.queryOf(state)), state);
  for (const wrong of [{ row: "-1" }, { row: "x" }, { zoom: "1e9" }, { zoom: "-4" }, { t: "5~1" }, { t: "a~b" }, { t: "1" }, { numbers: "roman" }, { hide: "x" }, { top: "-3" }]) assert.deepEqual(m.stateOf(wrong), usual, JSON.stringify(wrong));
});

test("finding tells slices, narrows what it found before, and ends when told", async () => {
  let put = 0;
  const finder = new m.Finder(10000, (row) => (++put, `Packet ${row}`)), search = (text) => new Promise((done) => finder.search(text, (found) => found.whole && done([...found.rows])));
  assert.deepEqual((await search("packet 99")).slice(0, 3), [99, 990, 991]);
  assert.deepEqual(await search("PACKET 999"), [999, 9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999]);
  assert.equal((await search("packet")).length, 10000);
  assert.equal(put, 10000, "each is put in words once");
  const later = [];
  let told = 0;
  const end = new m.Finder(5e6, () => "x").search("x", () => ++told, (go) => later.push(go));
  assert.equal(later.length, 1, "the page may answer before it goes on");
  end();
  later[0]();
  assert.deepEqual([later.length, told], [1, 0]);
  assert.deepEqual([[3, 1], [9, 1], [3, -1], [1, -1]].map(([row, by]) => m.nextOf(Int32Array.of(1, 3, 9), row, by)), [9, 1, 1, 9]);
});
