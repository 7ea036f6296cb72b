// SPDX-License-Identifier: Apache-2.0
// The ladder as flat arrays, so that a hundred thousand packets stay light: what each tap saw of each packet, what the API says
// became of those it did not see, and which lines are drawn once idle times and plain ACKs are folded.
import { basesOf, scalesOf } from "./ladder_numbers";
import type { LadderTable, Leg, Link } from "./wire";

export const enum Fate { none, seen, lost, gap, unknown, recut }
export const enum Mark { duplicate = 1, zeroWindow = 2, reset = 4, keepAlive = 8 }

export const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;

export interface Rows {
  count: number; taps: number; columns: Leg[]; startNs: string;
  toServer: Uint8Array; again: Uint8Array; marks: Uint8Array; time: Float64Array; // ns after startNs, at the first tap that saw it
  fate: Uint8Array; at: Float64Array; seq: Uint32Array; ack: Uint32Array; length: Uint32Array; flags: Uint16Array; ttl: Uint8Array;
  id: Uint16Array; window: Uint32Array; delay: Float32Array; // of each tap: index row * taps + tap; NaN: no delay
  first: Uint8Array; last: Uint8Array; // the taps that saw it first and last on its way
  missing: Uint8Array; // 1: a tap did not see it, for whatever reason
  errors: number[]; // of each tap: the ± of a delay from the tap before it, ns; -1: not known
  base: Uint32Array; home: Uint32Array; // of each tap and direction (tap * 2 + toServer): ladder_numbers.ts
  scale: Int8Array; // likewise: what windows are shifted by; -1: not known
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

/** `path`: whose ladder it is, with the deltas of its links. */
export function fromTable(ladder: LadderTable, path?: { legs: Leg[]; links: Link[] }): Rows {
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
  // Missing: 0 nothing to tell, 1 lost, 2 capture gap, 3 unknown, 4 recut.
  for (let k = 0; k < cells; ++k) if (fate[k] !== Fate.seen && missing[k]) fate[k] = missing[k] + 1;
  const firstSeen = (tap: number, way: number) => {
    for (let i = 0, k = tap; i < count; ++i, k += taps) if (toServer[i] === way && fate[k] === Fate.seen) return seq[k];
    return undefined;
  };
  const rows: Rows = {
    count, taps, columns: ladder.columns, startNs: ladder.start_ns, toServer, again, marks, time, fate, at: times, seq, ack, length, flags, ttl, id, window, delay,
    errors: ladder.delay_error_ns ?? [], ...basesOf(ladder.columns, path, firstSeen), scale: scalesOf(ladder.columns, path),
    first: new Uint8Array(count), last: new Uint8Array(count), missing: new Uint8Array(count),
  };
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

/** The taps that saw each packet first and last on its way, and whether one did not. */
function findEnds(rows: Rows): void {
  const { taps, fate } = rows;
  for (let i = 0; i < rows.count; ++i) {
    const step = rows.toServer[i] ? 1 : -1, start = rows.toServer[i] ? 0 : taps - 1;
    let first = -1;
    for (let n = 0, j = start; n < taps; ++n, j += step) {
      const one = fate[i * taps + j];
      if (one > Fate.seen) rows.missing[i] = 1;
      if (one !== Fate.seen) continue;
      if (first < 0) first = j;
      rows.last[i] = j;
    }
    rows.first[i] = Math.max(first, 0);
  }
}

/** Drawn lines: a row's number, or a mark: −1 − n for n folded ACKs before the next row, or idle time (idleMark). */
export const idleMark = -(2 ** 30);
export const idleNsMin = 200e6;

export function linesOf(rows: Rows, foldAcks: boolean, markIdle: boolean): Int32Array {
  const lines = new Int32Array(rows.count * 2 + 1);
  let folded = 0, n = 0;
  for (let i = 0; i < rows.count; ++i) {
    const k = i * rows.taps + rows.first[i];
    if (foldAcks && rows.length[k] === 0 && !rows.marks[i] && !rows.missing[i] && (rows.flags[k] & (SYN | FIN | RST)) === 0) {
      ++folded;
      continue;
    }
    if (folded) lines[n++] = -1 - folded;
    folded = 0;
    if (markIdle && i > 0 && rows.time[i] - rows.time[i - 1] > idleNsMin) lines[n++] = idleMark;
    lines[n++] = i;
  }
  if (folded) lines[n++] = -1 - folded;
  return lines.slice(0, n);
}

/** The line of a row, or of the first behind it where it is folded; lines.length where there is none. */
export function lineOf(lines: Int32Array, row: number): number {
  let low = 0, high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    let at = middle;
    while (at < high && lines[at] < 0) ++at; // marks stand one or two together
    if (at < high && lines[at] < row) low = at + 1;
    else high = middle;
  }
  while (low < lines.length && lines[low] < 0) ++low;
  return low;
}

export type Numbers = "relative" | "raw" | "normalised";

const flagNames = Array.from({ length: 32 }, (_, flags) => ([[SYN, "SYN"], [FIN, "FIN"], [RST, "RST"], [PSH, "PSH"], [ACK, "ACK"]] as [number, string][]).filter(([bit]) => flags & bit).map(([, name]) => name).join(" "));
export const flagText = (flags: number) => flagNames[flags & 31];

/** Relative ones count from the stream's first byte; normalised ones are as the connection's first tap wrote them. */
export function sequenceNumber(rows: Rows, k: number, tap: number, toServer: number, numbers: Numbers): number {
  const end = tap * 2 + toServer;
  return numbers === "raw" ? rows.seq[k] : (rows.seq[k] - rows.base[end] + (numbers === "normalised" ? rows.home[end] : 0)) >>> 0;
}
export function ackNumber(rows: Rows, k: number, tap: number, toServer: number, numbers: Numbers): number {
  const end = tap * 2 + 1 - toServer;
  return numbers === "raw" ? rows.ack[k] : (rows.ack[k] - rows.base[end] + (numbers === "normalised" ? rows.home[end] : 0)) >>> 0;
}

export function sequence(rows: Rows, k: number, tap: number, toServer: number, numbers: Numbers): string {
  const seq = `seq ${sequenceNumber(rows, k, tap, toServer, numbers)}`;
  return rows.flags[k] & ACK ? `${seq} ack ${ackNumber(rows, k, tap, toServer, numbers)}` : seq;
}

const named: [Mark, string, string][] = [[Mark.duplicate, " duplicate", " dup."], [Mark.zeroWindow, " zero window", " win 0"], [Mark.reset, " reset", ""], [Mark.keepAlive, " keep-alive", " alive"]];

function marksOf(rows: Rows, i: number, short: boolean): string {
  let text = rows.again[i] ? (short ? " retr." : " retransmission") : "";
  if (rows.marks[i]) for (const [bit, name, less] of named) if (rows.marks[i] & bit) text += short ? less : name;
  return text;
}

/** One packet in words: for the line's end and for finding. */
export function words(rows: Rows, i: number, tcp: boolean, numbers: Numbers): string {
  const tap = rows.first[i], k = i * rows.taps + tap;
  const head = tcp ? `${flagText(rows.flags[k])} ${sequence(rows, k, tap, rows.toServer[i], numbers)} win ${rows.window[k]} ` : "";
  return `${head}len ${rows.length[k]}${marksOf(rows, i, false)}`;
}

const fullLettersMin = 48; // with less room all are short, so that they look alike

/** The same in so many letters at most: "201+1448" are 1448 bytes from 201 on, "a1" acknowledges 1. */
export function wordsIn(rows: Rows, i: number, tcp: boolean, numbers: Numbers, letters: number): string {
  const full = letters >= fullLettersMin ? words(rows, i, tcp, numbers) : "";
  if (full && full.length <= letters) return full;
  const tap = rows.first[i], k = i * rows.taps + tap, way = rows.toServer[i], marks = marksOf(rows, i, true);
  const flags = tcp ? flagText(rows.flags[k]) : "", seq = `${tcp ? sequenceNumber(rows, k, tap, way, numbers) : ""}+${rows.length[k]}`;
  const ack = tcp && rows.flags[k] & ACK ? ` a${ackNumber(rows, k, tap, way, numbers)}` : "", less = flags.replace("PSH ", "");
  const forms = [`${flags} ${seq}${ack}${marks}`, `${less} ${seq}${ack}${marks}`, `${less} ${seq}${marks}`, `${less} +${rows.length[k]}${marks}`];
  return forms.find((form) => form.length <= letters) ?? `+${rows.length[k]}${marks}`;
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
