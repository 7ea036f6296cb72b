// SPDX-License-Identifier: Apache-2.0
// What the time-sequence graph of one direction draws at one tap, in the order of time, so that any part of it is found at once:
// segments, and what the other side said: acknowledgements and up to where its window reaches. Bytes count from the stream's first.
import { ACK, Fate, FIN, Mark, RST, SYN, type Rows } from "./ladder";
import type { Sight } from "./ladder_state";

export const enum Glyph { again = 1, syn = 2, fin = 4, reset = 8, duplicateAck = 16, zeroWindow = 32 }

export interface Points {
  count: number; at: Float64Array; // ns after the ladder's start
  low: Float64Array; high: Float64Array; // a segment's bytes; of an acknowledgement what it has, and where its window ends (NaN: not known)
  kind: Uint8Array; row: Int32Array;
  marked: Int32Array; // the points that have a kind
}
export interface Series { tap: number; segments: Points; acks: Points }

class Growing {
  private count = 0;
  private at: Float64Array; private low: Float64Array; private high: Float64Array; private kind: Uint8Array; private row: Int32Array;
  private sorted = true;
  constructor(most: number) {
    this.at = new Float64Array(most);
    this.low = new Float64Array(most);
    this.high = new Float64Array(most);
    this.kind = new Uint8Array(most);
    this.row = new Int32Array(most);
  }
  add(at: number, low: number, high: number, kind: number, row: number): void {
    const n = this.count++;
    if (n && this.at[n - 1] > at) this.sorted = false;
    this.at[n] = at;
    this.low[n] = low;
    this.high[n] = high;
    this.kind[n] = kind;
    this.row[n] = row;
  }
  done(): Points {
    const { count } = this;
    let points = { at: this.at.slice(0, count), low: this.low.slice(0, count), high: this.high.slice(0, count), kind: this.kind.slice(0, count), row: this.row.slice(0, count) };
    if (!this.sorted) {
      const order = Array.from({ length: count }, (_, n) => n).sort((a, b) => points.at[a] - points.at[b] || a - b), old = points;
      points = { at: old.at.map((_, n) => old.at[order[n]]), low: old.low.map((_, n) => old.low[order[n]]), high: old.high.map((_, n) => old.high[order[n]]), kind: old.kind.map((_, n) => old.kind[order[n]]), row: old.row.map((_, n) => old.row[order[n]]) };
    }
    const marked: number[] = [];
    points.kind.forEach((kind, n) => kind && marked.push(n));
    return { count, ...points, marked: Int32Array.from(marked) };
  }
}

/** `way`: 1 for what goes to the server. */
export function seriesOf(rows: Rows, way: number, tap: number): Series {
  const segments = new Growing(rows.count), acks = new Growing(rows.count), base = rows.base[tap * 2 + way], scale = rows.scale[tap * 2 + 1 - way];
  let newest: number | undefined, highest = -Infinity, acked = NaN, window = -1;
  // 32 bits wrap: a number is the one that is nearest to the newest.
  const whole = (number: number) => {
    const from = (number - base) >>> 0;
    const value = newest === undefined ? from : newest + ((from - (newest % 2 ** 32)) | 0);
    newest = newest === undefined ? value : Math.max(newest, value);
    return value;
  };
  for (let i = 0, k = tap; i < rows.count; ++i, k += rows.taps) {
    if (rows.fate[k] !== Fate.seen) continue;
    const flags = rows.flags[k];
    if (rows.toServer[i] === way) {
      const kind = (rows.again[i] ? Glyph.again : 0) | (flags & SYN ? Glyph.syn : 0) | (flags & FIN ? Glyph.fin : 0) | (flags & RST ? Glyph.reset : 0);
      const length = rows.length[k] + (flags & (SYN | FIN) ? 1 : 0);
      if (length === 0 && !kind) continue;
      const low = whole(rows.seq[k]);
      segments.add(rows.at[k], low, low + length, kind, i);
      highest = Math.max(highest, low + length);
    } else if (flags & ACK && !(flags & RST)) {
      const ack = whole(rows.ack[k]), opens = flags & SYN, again = ack === acked && rows.window[k] === window && rows.length[k] === 0 && !(flags & FIN) && !(rows.marks[i] & Mark.duplicate) && highest > ack;
      const kind = (again && !opens ? Glyph.duplicateAck : 0) | (rows.marks[i] & Mark.zeroWindow ? Glyph.zeroWindow : 0);
      acks.add(rows.at[k], ack, opens ? ack + rows.window[k] : scale < 0 ? NaN : ack + rows.window[k] * 2 ** scale, kind, i);
      [acked, window] = [ack, rows.window[k]];
    }
  }
  return { tap, segments: segments.done(), acks: acks.done() };
}

/** The first point at or behind a time. */
export function firstAt(points: Points, ns: number): number {
  let low = 0, high = points.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points.at[middle] < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const wholeSight = (rows: Rows): Sight => ({ fromNs: 0, toNs: Math.max(1000, rows.count ? rows.time[rows.count - 1] * 1.02 : 1000) });

/** The bytes in sight; windows count as far as they leave the data a third of the room, those further up as far as to half. */
export function bytesIn(series: Series[], sight: Sight): [number, number] {
  if (sight.low !== undefined && sight.high !== undefined) return [sight.low, sight.high];
  let low = Infinity, high = -Infinity, edge = -Infinity;
  for (const { segments, acks } of series) {
    for (let n = firstAt(segments, sight.fromNs); n < segments.count && segments.at[n] <= sight.toNs; ++n) {
      if (segments.low[n] < low) low = segments.low[n];
      if (segments.high[n] > high) high = segments.high[n];
    }
    for (let n = Math.max(0, firstAt(acks, sight.fromNs) - 1); n < acks.count && acks.at[n] <= sight.toNs; ++n) if (acks.high[n] > edge) edge = acks.high[n];
  }
  if (low === Infinity) return [0, 1];
  const room = Math.max(high - low, 1);
  return [low - room * 0.02, Math.max(high, !(edge > low + room * 3) ? edge : low + room * 2) + room * 0.04];
}

const spanMin = 200; // ns

/** Twice as much is factor 2; what stands at `ns` (and at `bytes`) stays where it is. */
export function zoomed(sight: Sight, factor: number, ns: number, all: Sight): Sight {
  const span = Math.min(Math.max((sight.toNs - sight.fromNs) * factor, spanMin), (all.toNs - all.fromNs) * 2), fromNs = ns - ((ns - sight.fromNs) / (sight.toNs - sight.fromNs)) * span;
  return moved({ ...sight, fromNs, toNs: fromNs + span }, 0, all);
}
export function zoomedBytes(sight: Sight, shown: [number, number], factor: number, bytes: number): Sight {
  const span = Math.min(Math.max((shown[1] - shown[0]) * factor, 2), 2 ** 44), low = bytes - ((bytes - shown[0]) / (shown[1] - shown[0])) * span;
  return { ...sight, low, high: low + span };
}
/** No further than that something stays in sight. */
export function moved(sight: Sight, ns: number, all: Sight): Sight {
  const span = sight.toNs - sight.fromNs, fromNs = Math.min(Math.max(sight.fromNs + ns, all.fromNs - span * 0.9), all.toNs - span * 0.1);
  return { ...sight, fromNs, toNs: fromNs + span };
}

/** Round steps of an axis, so many at most. */
export function stepsOf(low: number, high: number, most: number): { step: number; marks: number[] } {
  const least = (high - low) / most, power = 10 ** Math.floor(Math.log10(least)), step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least * 0.999)!;
  const marks: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high && marks.length <= most + 1; ++n) marks.push(n * step);
  return { step, marks };
}

export interface Near { tap: number; what: "segment" | "ack" | "window"; kind: number; low: number; high: number; at: number; row: number }

/** What is drawn within `reach` px of a place, the nearest; x and y tell where a time and a byte stand. */
export function nearest(series: Series[], x: (ns: number) => number, y: (byte: number) => number, time: (x: number) => number, px: number, py: number, reach: number): Near | undefined {
  let best: Near | undefined, least = reach;
  const look = (tap: number, points: Points, n: number, what: Near["what"], low: number, high: number) => {
    const dy = Math.max(0, y(high) - py, py - y(low)), far = Math.hypot(x(points.at[n]) - px, dy);
    if (!(far < least)) return;
    least = far;
    best = { tap, what, kind: points.kind[n], low: points.low[n], high: points.high[n], at: points.at[n], row: points.row[n] };
  };
  const seenMax = 4000;
  for (const { tap, segments, acks } of series) {
    const until = time(px + reach);
    for (let n = firstAt(segments, time(px - reach)), seen = 0; n < segments.count && segments.at[n] <= until && seen < seenMax; ++n, ++seen) look(tap, segments, n, "segment", segments.low[n], segments.high[n]);
    for (let n = firstAt(acks, time(px - reach)), seen = 0; n < acks.count && acks.at[n] <= until && seen < seenMax; ++n, ++seen) {
      look(tap, acks, n, "ack", acks.low[n], acks.low[n]);
      if (!Number.isNaN(acks.high[n])) look(tap, acks, n, "window", acks.high[n], acks.high[n]);
    }
  }
  return best;
}
