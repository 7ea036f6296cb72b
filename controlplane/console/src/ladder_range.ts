// SPDX-License-Identifier: Apache-2.0
// What a range of a ladder's packets comes to: sums, delay per hop with its ±, round trips at each tap.
import { ACK, Fate, FIN, Mark, SYN, type Rows } from "./ladder";

export interface Spread { samples: number; min: number; mean: number; max: number } // ns
export interface Hop { from: number; to: number; spread: Spread; error: number } // taps in the packets' direction; error -1: not known
/** From data to the packet that acknowledges it, as this tap saw both: towards whom the data went. */
export interface Trip { tap: number; toServer: number; spread: Spread }
export interface Span { packets: number; bytes: number; again: number; lost: number; gaps: number; ns: number; toServer: number; hops: Hop[]; trips: Trip[] }

class Spreading {
  samples = 0;
  private low = Infinity;
  private high = -Infinity;
  private sum = 0;
  add(value: number): void {
    ++this.samples;
    this.low = Math.min(this.low, value);
    this.high = Math.max(this.high, value);
    this.sum += value;
  }
  told = (): Spread => ({ samples: this.samples, min: this.low, mean: this.sum / this.samples, max: this.high });
}

/** Both directions of each pair of neighbouring taps; packets that both saw. */
function hopsOf(rows: Rows, from: number, to: number): Hop[] {
  const { taps } = rows, sums = Array.from({ length: taps * 2 }, () => new Spreading()); // tap * 2 + toServer: to this tap
  for (let i = from; i <= to; ++i) {
    const step = rows.toServer[i] ? -1 : 1;
    for (let j = 0; j < taps; ++j) {
      const k = i * taps + j, before = j + step;
      if (before < 0 || before >= taps || rows.fate[k] !== Fate.seen || rows.fate[k + step] !== Fate.seen || Number.isNaN(rows.delay[k])) continue;
      sums[j * 2 + rows.toServer[i]].add(rows.delay[k]);
    }
  }
  const order = [...Array.from({ length: taps }, (_, tap) => tap * 2 + 1), ...Array.from({ length: taps }, (_, tap) => (taps - 1 - tap) * 2)]; // as packets go
  return order.flatMap((end) => {
    const sum = sums[end], tap = end >> 1, before = end & 1 ? tap - 1 : tap + 1;
    return sum.samples ? [{ from: before, to: tap, spread: sum.told(), error: rows.errors[Math.max(tap, before)] ?? -1 }] : [];
  });
}

interface Sent { end: number; at: number }

/** Of what an acknowledgement covers the newest segment counts; what was sent twice does not. */
function tripsOf(rows: Rows, from: number, to: number): Trip[] {
  const { taps } = rows, trips: Trip[] = [];
  for (let tap = 0; tap < taps; ++tap)
    for (const way of [1, 0]) {
      const sum = new Spreading();
      let waiting: Sent[] = [], next = 0, highest: number | undefined;
      for (let i = from; i <= to; ++i) {
        const k = i * taps + tap;
        if (rows.fate[k] !== Fate.seen) continue;
        if (rows.toServer[i] === way) {
          const length = rows.length[k] + (rows.flags[k] & (SYN | FIN) ? 1 : 0), end = (rows.seq[k] + length) >>> 0;
          if (length === 0 || rows.marks[i] & (Mark.duplicate | Mark.keepAlive)) continue;
          if (rows.again[i] || (highest !== undefined && ((end - highest) | 0) <= 0)) {
            for (let n = next; n < waiting.length; ++n) if (((waiting[n].end - rows.seq[k]) | 0) > 0 && ((waiting[n].end - end) | 0) <= 0) waiting[n].at = NaN;
            continue;
          }
          highest = end;
          waiting.push({ end, at: rows.at[k] });
        } else if (rows.flags[k] & ACK) {
          let newest = NaN;
          while (next < waiting.length && ((waiting[next].end - rows.ack[k]) | 0) <= 0) newest = waiting[next++].at;
          if (rows.at[k] >= newest) sum.add(rows.at[k] - newest);
          if (next > 4096) [waiting, next] = [waiting.slice(next), 0];
        }
      }
      if (sum.samples) trips.push({ tap, toServer: way, spread: sum.told() });
    }
  return trips;
}

export function spanOf(rows: Rows, from: number, to: number): Span {
  const span: Span = { packets: to - from + 1, bytes: 0, again: 0, lost: 0, gaps: 0, ns: rows.time[to] - rows.time[from], toServer: 0, hops: hopsOf(rows, from, to), trips: tripsOf(rows, from, to) };
  for (let i = from; i <= to; ++i) {
    let lost = 0, gaps = 0;
    if (rows.missing[i])
      for (let k = i * rows.taps; k < (i + 1) * rows.taps; ++k) {
        if (rows.fate[k] === Fate.lost) lost = 1;
        if (rows.fate[k] === Fate.gap) gaps = 1;
      }
    span.bytes += rows.length[i * rows.taps + rows.first[i]];
    span.again += rows.again[i];
    span.toServer += rows.toServer[i];
    span.lost += lost;
    span.gaps += gaps;
  }
  return span;
}
