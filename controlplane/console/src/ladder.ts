// SPDX-License-Identifier: Apache-2.0
// The ladder as flat arrays, so that a hundred thousand packets stay light: what each tap saw of each packet, what the API says
// became of those it did not see, and which lines are drawn once idle times and plain ACKs are folded.
import type { LadderTable, Leg } from "./wire";

export const enum Fate { none, seen, lost, gap, unknown, recut }
export const enum Mark { duplicate = 1, zeroWindow = 2, reset = 4, keepAlive = 8 }

export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

export interface Rows {
  count: number; taps: number; columns: Leg[]; startNs: string;
  toServer: Uint8Array; again: Uint8Array; marks: Uint8Array; time: Float64Array; // ns after startNs, at the first tap that saw it
  fate: Uint8Array; at: Float64Array; seq: Uint32Array; ack: Uint32Array; length: Uint32Array; flags: Uint16Array; ttl: Uint8Array;
  id: Uint16Array; window: Uint32Array; delay: Float32Array; // of each tap: index row * taps + tap; NaN: no delay
  first: Uint8Array; last: Uint8Array; // the taps that saw it first and last on its way
  errors: number[]; // of each tap: the ± of a delay from the tap before it, ns; -1: not known
  base: Uint32Array; // of each tap and direction (tap * 2 + toServer): the first sequence number seen
}

const magic = 0x31544c43, unit = 8; // "CLT1"; all begins at a multiple of eight bytes
const padded = (bytes: number) => Math.ceil(bytes / unit) * unit;

/** The API's answer to ladder_table?binary=1. */
export async function readTable(response: Response): Promise<LadderTable> {
  const bytes = await response.arrayBuffer(), head = new DataView(bytes);
  if (bytes.byteLength < unit || head.getUint32(0, true) !== magic) throw new Error("clew-control's answer is no ladder");
  const size = head.getUint32(4, true);
  const table = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, unit, size))) as LadderTable;
  return { ...table, bytes, at: padded(unit + size) };
}

export function fromTable(ladder: LadderTable): Rows {
  const count = ladder.rows, taps = ladder.columns.length, cells = count * taps;
  let at = ladder.at;
  function next<T>(array: { new (buffer: ArrayBuffer, at: number, length: number): T; BYTES_PER_ELEMENT: number }, length: number): T {
    const from = at;
    at = padded(at + length * array.BYTES_PER_ELEMENT);
    return new array(ladder.bytes, from, length);
  }
  // In the order in which they stand.
  const time = next(Float64Array, count), times = next(Float64Array, cells), seq = next(Uint32Array, cells), ack = next(Uint32Array, cells), length = next(Uint32Array, cells), window = next(Uint32Array, cells), delay = next(Float32Array, cells);
  const flags = next(Uint16Array, cells), id = next(Uint16Array, cells), toServer = next(Uint8Array, count), again = next(Uint8Array, count), marks = next(Uint8Array, count), fate = next(Uint8Array, cells).slice(), missing = next(Uint8Array, cells), ttl = next(Uint8Array, cells);
  const rows: Rows = {
    count, taps, columns: ladder.columns, startNs: ladder.start_ns, toServer, again, marks, time, fate, at: times, seq, ack, length, flags, ttl, id, window, delay,
    errors: ladder.delay_error_ns ?? [],
    first: new Uint8Array(count), last: new Uint8Array(count), base: new Uint32Array(taps * 2),
  };
  const based = new Uint8Array(taps * 2);
  for (let i = 0; i < count; ++i)
    for (let j = 0; j < taps; ++j) {
      const k = i * taps + j, end = j * 2 + toServer[i];
      if (fate[k] !== Fate.seen || based[end]) continue;
      based[end] = 1;
      rows.base[end] = seq[k];
    }
  // Missing: 0 nothing to tell, 1 lost, 2 capture gap, 3 unknown, 4 recut.
  for (let k = 0; k < cells; ++k) if (fate[k] !== Fate.seen && missing[k]) fate[k] = missing[k] + 1;
  findEnds(rows);
  return rows;
}

/** The ± of a cell's delay, which is counted from the tap before that saw the packet; -1: not known. */
export function delayError(rows: Rows, i: number, tap: number): number {
  const step = rows.toServer[i] ? -1 : 1;
  let sum = 0;
  for (let j = tap; j + step >= 0 && j + step < rows.taps; j += step) {
    const error = rows.errors[Math.max(j, j + step)] ?? -1;
    if (error < 0) return -1;
    sum += error;
    if (rows.fate[i * rows.taps + j + step] === Fate.seen) return sum;
  }
  return -1;
}

/** The taps that saw each packet first and last on its way. */
function findEnds(rows: Rows): void {
  const { taps } = rows;
  for (let i = 0; i < rows.count; ++i) {
    const step = rows.toServer[i] ? 1 : -1, start = rows.toServer[i] ? 0 : taps - 1;
    let first = -1;
    for (let n = 0, j = start; n < taps; ++n, j += step) {
      if (rows.fate[i * taps + j] !== Fate.seen) continue;
      if (first < 0) first = j;
      rows.last[i] = j;
    }
    rows.first[i] = Math.max(first, 0);
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
    const plain = foldAcks && rows.length[k] === 0 && !rows.marks[i] && (rows.flags[k] & (SYN | FIN | RST)) === 0 && rows.fate.subarray(i * rows.taps, (i + 1) * rows.taps).every((f) => f <= Fate.seen);
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
  const named: [number, string][] = [[Mark.duplicate, "duplicate"], [Mark.zeroWindow, "zero window"], [Mark.reset, "reset"], [Mark.keepAlive, "keep-alive"]];
  return [`${head}len ${rows.length[k]}`, ...(rows.again[i] ? ["retransmission"] : []), ...named.filter(([bit]) => rows.marks[i] & bit).map(([, name]) => name)].join(" ");
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
