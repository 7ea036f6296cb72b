// SPDX-License-Identifier: Apache-2.0
// The ladder as flat arrays, so that a hundred thousand packets stay light: what each tap saw of each packet, what became
// of those it did not see, and which lines are drawn once idle times and plain ACKs are folded.
import type { LadderTable, Leg, Path } from "./wire";

export const enum Fate { none, seen, lost, gap, unknown }

export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

export interface Rows {
  count: number; taps: number; columns: Leg[]; startNs: string;
  toServer: Uint8Array; again: Uint8Array; time: Float64Array; // ns after startNs, at the first tap that saw it
  fate: Uint8Array; at: Float64Array; seq: Uint32Array; ack: Uint32Array; length: Uint32Array; flags: Uint16Array; ttl: Uint8Array;
  id: Uint16Array; window: Uint32Array; delay: Float32Array; // of each tap: index row * taps + tap; NaN: no delay
  first: Uint8Array; last: Uint8Array; // the taps that saw it first and last on its way
  base: Uint32Array; // of each tap and direction (tap * 2 + toServer): the first sequence number seen
}

function bytesOf(base64: string): ArrayBuffer {
  const quick = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64; // newer browsers
  if (quick) return quick(base64).buffer;
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) out[i] = text.charCodeAt(i);
  return out.buffer;
}

/** Taps on either side of a relay see packets of different connections: what is missing there was never sent. */
function sides(columns: Leg[], path?: Path): number[] {
  let side = 0;
  return columns.map((leg, i) => {
    const before = i > 0 ? path?.legs.findIndex((one) => one.leg_id === columns[i - 1].leg_id) : undefined;
    const now = path?.legs.findIndex((one) => one.leg_id === leg.leg_id);
    if (i > 0 && path?.links.some((link) => link.from === before && link.to === now && link.kind === "relay")) ++side;
    return side;
  });
}

export function fromMessage(ladder: LadderTable, path?: Path): Rows {
  const count = ladder.rows, taps = ladder.columns.length;
  const rows: Rows = {
    count, taps, columns: ladder.columns, startNs: ladder.start_ns, toServer: new Uint8Array(bytesOf(ladder.to_server)),
    again: new Uint8Array(bytesOf(ladder.retransmission)), time: new Float64Array(bytesOf(ladder.row_time)), fate: new Uint8Array(bytesOf(ladder.seen)),
    at: new Float64Array(bytesOf(ladder.time)), seq: new Uint32Array(bytesOf(ladder.seq)), ack: new Uint32Array(bytesOf(ladder.ack)),
    length: new Uint32Array(bytesOf(ladder.length)), flags: new Uint16Array(bytesOf(ladder.flags)), ttl: new Uint8Array(bytesOf(ladder.ttl)),
    id: new Uint16Array(bytesOf(ladder.ip_id)), window: new Uint32Array(bytesOf(ladder.window)), delay: new Float32Array(bytesOf(ladder.delay)),
    first: new Uint8Array(count), last: new Uint8Array(count), base: new Uint32Array(taps * 2),
  };
  const based = new Uint8Array(taps * 2);
  for (let i = 0; i < count; ++i)
    for (let j = 0; j < taps; ++j) {
      const k = i * taps + j, end = j * 2 + rows.toServer[i];
      if (rows.fate[k] !== Fate.seen || based[end]) continue;
      based[end] = 1;
      rows.base[end] = rows.seq[k];
    }
  judge(rows, sides(ladder.columns, path));
  return rows;
}

const keyOf = (end: number, seq: number) => end * 4294967296 + seq;
const takesRoom = (rows: Rows, k: number) => rows.length[k] + (rows.flags[k] & (SYN | FIN) ? 1 : 0);

/** The taps that saw each packet first and last on its way; returns the rows that some tap did not see. */
function ends(rows: Rows): number[] {
  const { taps } = rows, holes: number[] = [];
  for (let i = 0; i < rows.count; ++i) {
    const step = rows.toServer[i] ? 1 : -1, start = rows.toServer[i] ? 0 : taps - 1;
    let first = -1, last = -1, seen = 0;
    for (let n = 0, j = start; n < taps; ++n, j += step) {
      if (rows.fate[i * taps + j] !== Fate.seen) continue;
      if (first < 0) first = j;
      last = j;
      ++seen;
    }
    if (first < 0) continue;
    rows.first[i] = first;
    rows.last[i] = last;
    if (seen < taps) holes.push(i);
  }
  return holes;
}

/** What a tap did not see: in between others that did, a capture gap; behind the last, lost when it was sent again, a gap
 *  when it was acknowledged all the same, else not known. */
function judge(rows: Rows, side: number[]): void {
  const { taps } = rows, holes = ends(rows), acked = new Float64Array(taps * 2).fill(-1);
  if (!holes.length) return;
  const placeOf = (i: number) => ({ k: i * taps + rows.last[i], end: rows.last[i] * 2 + rows.toServer[i] });
  const sent = new Map<number, number>(); // the last row with the bytes of a row that somebody did not see
  for (const i of holes) sent.set(keyOf(placeOf(i).end, rows.seq[placeOf(i).k]), i);
  for (let i = 0; i < rows.count; ++i)
    for (let j = 0; j < taps; ++j) {
      const k = i * taps + j, end = j * 2 + rows.toServer[i];
      if (rows.fate[k] !== Fate.seen) continue;
      if (rows.flags[k] & ACK && (acked[end ^ 1] < 0 || ((rows.ack[k] - acked[end ^ 1]) | 0) > 0)) acked[end ^ 1] = rows.ack[k];
      if (takesRoom(rows, k) && sent.has(keyOf(end, rows.seq[k]))) sent.set(keyOf(end, rows.seq[k]), i);
    }
  const seenSides = new Uint8Array(taps + 1);
  for (const i of holes) {
    const step = rows.toServer[i] ? 1 : -1, start = rows.toServer[i] ? 0 : taps - 1, { k, end } = placeOf(i);
    seenSides.fill(0);
    for (let j = 0; j < taps; ++j) if (rows.fate[i * taps + j] === Fate.seen) seenSides[side[j]] = 1;
    const carried = takesRoom(rows, k);
    const sentAgain = carried > 0 && (sent.get(keyOf(end, rows.seq[k])) ?? i) > i;
    const wasAcked = carried > 0 && acked[end] >= 0 && ((acked[end] - rows.seq[k] - carried) | 0) >= 0;
    for (let n = 0, j = start, behind = false; n < taps; ++n, j += step) {
      if (rows.fate[i * taps + j] !== Fate.seen && seenSides[side[j]])
        rows.fate[i * taps + j] = !behind ? Fate.gap : sentAgain ? Fate.lost : wasAcked ? Fate.gap : Fate.unknown;
      if (j === rows.last[i]) behind = true;
    }
  }
}

/** Drawn lines: a row's number, or a mark: −1 − n for n folded ACKs before the next row, or idle time (idleMark). */
export const idleMark = -(2 ** 30);
export const idleNsMin = 200e6;

export function linesOf(rows: Rows, foldAcks: boolean, foldIdle: boolean): Int32Array {
  const lines: number[] = [];
  let folded = 0;
  for (let i = 0; i < rows.count; ++i) {
    const k = i * rows.taps + rows.first[i];
    const plain = foldAcks && rows.length[k] === 0 && (rows.flags[k] & (SYN | FIN | RST)) === 0 && rows.fate.subarray(i * rows.taps, (i + 1) * rows.taps).every((f) => f <= Fate.seen);
    if (plain) {
      ++folded;
      continue;
    }
    if (folded) lines.push(-1 - folded);
    folded = 0;
    if (foldIdle && i > 0 && rows.time[i] - rows.time[i - 1] > idleNsMin) lines.push(idleMark);
    lines.push(i);
  }
  if (folded) lines.push(-1 - folded);
  return Int32Array.from(lines);
}

export type Numbers = "relative" | "raw";

export function flagText(flags: number): string {
  return [[SYN, "SYN"], [FIN, "FIN"], [RST, "RST"], [PSH, "PSH"], [ACK, "ACK"]].filter(([bit]) => flags & (bit as number)).map(([, name]) => name).join(" ");
}

export function sequence(rows: Rows, k: number, tap: number, toServer: number, numbers: Numbers): string {
  if (numbers === "raw") return `seq ${rows.seq[k]} ack ${rows.ack[k]}`;
  const seq = (rows.seq[k] - rows.base[tap * 2 + toServer]) >>> 0, ack = (rows.ack[k] - rows.base[tap * 2 + 1 - toServer]) >>> 0;
  return rows.flags[k] & ACK ? `seq ${seq} ack ${ack}` : `seq ${seq}`;
}

/** One packet in words: for the line's end and for finding. */
export function words(rows: Rows, i: number, tcp: boolean, numbers: Numbers): string {
  const tap = rows.first[i], k = i * rows.taps + tap;
  const head = tcp ? `${flagText(rows.flags[k])} ${sequence(rows, k, tap, rows.toServer[i], numbers)} win ${rows.window[k]} ` : "";
  return `${head}len ${rows.length[k]}${rows.again[i] ? " retransmission" : ""}`;
}

export interface Span { packets: number; bytes: number; again: number; lost: number; gaps: number; ns: number; toServer: number }

export function spanOf(rows: Rows, from: number, to: number): Span {
  const span: Span = { packets: 0, bytes: 0, again: 0, lost: 0, gaps: 0, ns: rows.time[to] - rows.time[from], toServer: 0 };
  for (let i = from; i <= to; ++i) {
    const cells = rows.fate.subarray(i * rows.taps, (i + 1) * rows.taps);
    ++span.packets;
    span.bytes += rows.length[i * rows.taps + rows.first[i]];
    span.again += rows.again[i];
    span.toServer += rows.toServer[i];
    if (cells.includes(Fate.lost)) ++span.lost;
    if (cells.includes(Fate.gap)) ++span.gaps;
  }
  return span;
}

/** From the earliest to the latest sight of these packets at any tap, in ns after startNs. */
export function timesOf(rows: Rows, from: number, to: number): { fromNs: number; toNs: number } {
  let fromNs = Infinity, toNs = -Infinity;
  for (let k = from * rows.taps; k < (to + 1) * rows.taps; ++k) {
    if (rows.fate[k] !== Fate.seen) continue;
    fromNs = Math.min(fromNs, rows.at[k]);
    toNs = Math.max(toNs, rows.at[k]);
  }
  return { fromNs, toNs };
}
