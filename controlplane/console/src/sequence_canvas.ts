// SPDX-License-Identifier: Apache-2.0
// Draws the time-sequence graph, after tcptrace: a segment is an upright stroke from its first to its last byte, what was sent again
// a red one; below it the stepped line of what was acknowledged, above it the line up to where the window reaches; letters and
// ticks for what happened. Where a column of pixels holds many packets, they are one stroke.
import type { Sight } from "./ladder_state";
import { bytesIn, firstAt, Glyph, type Points, type Series, stepsOf } from "./sequence";
import { colour } from "./settings";
import { bytes, finely } from "./time";

export const margin = { left: 84, right: 14, top: 14, bottom: 26 };

/** Where a time and a byte stand, and what stands at a place. */
export class Frame {
  readonly low: number;
  readonly high: number;
  readonly left = margin.left;
  readonly right: number;
  readonly bottom: number;
  private readonly perNs: number;
  private readonly perByte: number;
  constructor(readonly sight: Sight, shown: [number, number], readonly width: number, readonly height: number) {
    [this.low, this.high] = shown;
    this.right = Math.max(width - margin.right, margin.left + 10);
    this.bottom = Math.max(height - margin.bottom, margin.top + 10);
    this.perNs = (this.right - this.left) / (sight.toNs - sight.fromNs);
    this.perByte = (this.bottom - margin.top) / (this.high - this.low);
  }
  static of(series: Series[], sight: Sight, width: number, height: number): Frame {
    return new Frame(sight, bytesIn(series, sight), width, height);
  }
  x = (ns: number) => this.left + (ns - this.sight.fromNs) * this.perNs;
  y = (byte: number) => this.bottom - (byte - this.low) * this.perByte;
  time = (x: number) => this.sight.fromNs + (x - this.left) / this.perNs;
  byte = (y: number) => this.low + (this.bottom - y) / this.perByte;
}

const bytesText = (value: number, step: number) => (step >= Math.abs(value) * 0.005 ? bytes(Math.round(value)) : String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f"));

function axes(g: CanvasRenderingContext2D, frame: Frame): void {
  g.strokeStyle = colour("line");
  g.fillStyle = colour("muted");
  g.font = "11px system-ui, sans-serif";
  g.lineWidth = 1;
  const times = stepsOf(frame.sight.fromNs, frame.sight.toNs, Math.max(2, (frame.right - frame.left) / 95)), sizes = stepsOf(frame.low, frame.high, Math.max(2, (frame.bottom - margin.top) / 55));
  g.beginPath();
  for (const ns of times.marks) {
    const x = Math.round(frame.x(ns)) + 0.5;
    g.moveTo(x, margin.top);
    g.lineTo(x, frame.bottom);
  }
  for (const byte of sizes.marks) {
    const y = Math.round(frame.y(byte)) + 0.5;
    g.moveTo(frame.left, y);
    g.lineTo(frame.right, y);
  }
  g.stroke();
  g.textAlign = "center";
  for (const ns of times.marks) {
    const text = finely(ns, times.step), half = g.measureText(text).width / 2;
    g.fillText(text, Math.min(Math.max(frame.x(ns), half + 2), frame.width - half - 2), frame.height - 8);
  }
  g.textAlign = "right";
  for (const byte of sizes.marks) g.fillText(bytesText(byte, sizes.step), frame.left - 8, frame.y(byte) + 4);
}

/** The points in sight: from the one before it to the one behind. */
function inSight(points: Points, sight: Sight): [number, number] {
  return [Math.max(0, firstAt(points, sight.fromNs) - 1), Math.min(points.count, firstAt(points, sight.toNs) + 1)];
}

const detailPxMin = 3; // so much room for each segment, else a column's segments are one stroke

function segments(g: CanvasRenderingContext2D, points: Points, frame: Frame, tone: string, red: string): void {
  const [from, to] = inSight(points, frame.sight), room = Math.ceil(frame.right - frame.left) + 2;
  if ((to - from) * detailPxMin <= room) {
    for (const again of [false, true]) {
      g.strokeStyle = again ? red : tone;
      g.lineWidth = again ? 2.5 : 1.5;
      g.beginPath();
      for (let n = from; n < to; ++n) {
        if (((points.kind[n] & Glyph.again) !== 0) !== again || points.low[n] === points.high[n]) continue;
        const x = frame.x(points.at[n]), low = frame.y(points.low[n]), high = Math.min(frame.y(points.high[n]), low - 2);
        g.moveTo(x, low);
        g.lineTo(x, high);
        g.moveTo(x - 2.5, high + 2.5);
        g.lineTo(x, high);
        g.lineTo(x + 2.5, high + 2.5);
        g.moveTo(x - 2.5, low - 2.5);
        g.lineTo(x, low);
        g.lineTo(x + 2.5, low - 2.5);
      }
      g.stroke();
    }
    return;
  }
  const lows = [new Float64Array(room).fill(Infinity), new Float64Array(room).fill(Infinity)], highs = [new Float64Array(room).fill(-Infinity), new Float64Array(room).fill(-Infinity)];
  for (let n = from; n < to; ++n) {
    const column = Math.floor(frame.x(points.at[n]) - frame.left), which = points.kind[n] & Glyph.again ? 1 : 0;
    if (column < 0 || column >= room) continue;
    if (points.low[n] < lows[which][column]) lows[which][column] = points.low[n];
    if (points.high[n] > highs[which][column]) highs[which][column] = points.high[n];
  }
  for (const which of [0, 1]) {
    g.fillStyle = which ? red : tone;
    for (let column = 0; column < room; ++column) {
      if (lows[which][column] === Infinity) continue;
      const low = frame.y(lows[which][column]), high = frame.y(highs[which][column]);
      g.fillRect(frame.left + column, high, which ? 2 : 1.2, Math.max(low - high, 1.5));
    }
  }
}

/** A stepped line through values; a column's values are one stroke. Those that are not known (NaN) are left out. */
function steps(g: CanvasRenderingContext2D, points: Points, values: Float64Array, frame: Frame): void {
  const [from, to] = inSight(points, frame.sight);
  g.beginPath();
  let column = -Infinity, last = NaN, least = 0, most = 0;
  const end = () => {
    if (Number.isNaN(last)) return;
    if (least !== most) {
      g.lineTo(column, frame.y(least));
      g.lineTo(column, frame.y(most));
    }
    g.lineTo(column, frame.y(last));
  };
  for (let n = from; n < to; ++n) {
    const value = values[n], x = Math.round(frame.x(points.at[n])) + 0.5;
    if (Number.isNaN(value)) continue;
    if (x !== column) {
      end();
      if (Number.isNaN(last)) g.moveTo(x, frame.y(value));
      else g.lineTo(x, frame.y(last));
      column = x;
      least = most = value;
    } else if (value < least) least = value;
    else if (value > most) most = value;
    last = value;
  }
  end();
  g.stroke();
}

/** Letters and ticks, one where several would stand upon each other. */
function letters(g: CanvasRenderingContext2D, series: Series[], frame: Frame, tones: string[]): void {
  const taken = new Set<number>(), free = (kind: number, x: number, y: number, apart: number) => {
    const key = (Math.round(x / apart) * 4096 + (Math.round(y / 12) & 4095)) * 64 + kind, is = !taken.has(key);
    taken.add(key);
    return is;
  };
  const red = colour("bad"), purple = colour("c5"), pink = colour("c4"), blue = colour("c1");
  g.font = "bold 11px system-ui, sans-serif";
  g.textAlign = "center";
  const shown: [Glyph, string, string][] = [[Glyph.reset, "RST", red], [Glyph.again, "R", red], [Glyph.syn, "S", blue], [Glyph.fin, "F", pink]];
  series.forEach(({ segments, acks }, index) => {
    const within = (points: Points, n: number) => points.at[n] >= frame.sight.fromNs && points.at[n] <= frame.sight.toNs;
    for (const n of segments.marked) {
      if (!within(segments, n)) continue;
      const x = frame.x(segments.at[n]), y = frame.y(segments.high[n]) - 5;
      for (const [bit, text, tone] of shown)
        if (segments.kind[n] & bit) {
          if (free(bit, x, y, 10)) {
            g.fillStyle = tone;
            g.fillText(text, x, Math.max(y, 10));
          }
          break;
        }
    }
    for (const n of acks.marked) {
      if (!within(acks, n)) continue;
      const x = frame.x(acks.at[n]), y = frame.y(acks.low[n]);
      if (acks.kind[n] & Glyph.zeroWindow && free(Glyph.zeroWindow, x, y, 10)) {
        g.fillStyle = purple;
        g.fillText("Z", x, Math.min(y + 12, frame.bottom - 2));
      }
      if (acks.kind[n] & Glyph.duplicateAck && free(Glyph.duplicateAck, x, y, 2)) {
        g.fillStyle = tones[index];
        g.fillRect(x - 0.75, y, 1.5, 6);
      }
    }
  });
}

export const tapTone = (tap: number) => "c" + ((tap % 7) + 1);

export function drawSequence(g: CanvasRenderingContext2D, series: Series[], frame: Frame): void {
  axes(g, frame);
  const tones = series.map(({ tap }) => colour(tapTone(tap))), red = colour("bad");
  const within = (top: number) => {
    g.save();
    g.beginPath();
    g.rect(frame.left, top, frame.right - frame.left, frame.bottom - top);
    g.clip();
  };
  within(margin.top);
  series.forEach((one, index) => {
    g.strokeStyle = tones[index];
    g.lineWidth = 1;
    g.globalAlpha = 0.5;
    steps(g, one.acks, one.acks.high, frame);
    g.globalAlpha = 0.9;
    steps(g, one.acks, one.acks.low, frame);
    g.globalAlpha = 1;
    segments(g, one.segments, frame, tones[index], red);
  });
  g.restore();
  within(0);
  letters(g, series, frame, tones);
  g.restore();
}
