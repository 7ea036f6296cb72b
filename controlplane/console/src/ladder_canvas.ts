// SPDX-License-Identifier: Apache-2.0
// Draws the lines of a ladder that are in sight: one polyline a packet, over the taps that saw it. Where lines are too thin for words
// they are strokes, and where one row of pixels holds many packets, the one that matters most is drawn.
import { Fate, FIN, idleMark, Mark, SYN, wordsIn, type Numbers, type Rows } from "./ladder";
import { colour } from "./settings";
import { duration } from "./time";

export const timeWidth = 110;
const wordsHeightMin = 11, packetHeightMin = 7, letterWidth = 7.25;
export const hasWords = (height: number) => height >= wordsHeightMin;

/** Room for the packet in words. */
export const textWidth = (width: number, height: number) => (hasWords(height) ? Math.min(530, Math.max(190, width * 0.36)) : 24);

export interface Look { numbers: Numbers; tcp: boolean; from: number; to: number; found: Uint8Array; fold: (n: number) => string; idle: (text: string) => string }

export interface Paint { ink: string; muted: string; line: string; ground: string; mark: string; syn: string; end: string; bad: string; warn: string; zero: string; plain: string; payload: string }

export const paintOf = (): Paint => ({
  ink: colour("ink"), muted: colour("muted"), line: colour("line"), ground: colour("ground"), mark: colour("mark"), syn: colour("c1"), end: colour("c4"),
  bad: colour("bad"), warn: colour("warn"), zero: colour("c5"), plain: colour("muted"), payload: colour("c3"),
});

export function tapX(tap: number, taps: number, width: number, height: number): number {
  const room = Math.max(120, width - timeWidth - textWidth(width, height));
  return timeWidth + room * ((tap + 0.5) / taps);
}

function tone(rows: Rows, i: number, paint: Paint, tcp: boolean): string {
  const k = i * rows.taps + rows.first[i], flags = rows.flags[k];
  if (!tcp) return paint.payload;
  if (rows.marks[i] & Mark.reset) return paint.bad;
  if (rows.again[i]) return paint.warn;
  if (rows.marks[i] & (Mark.duplicate | Mark.keepAlive)) return paint.muted;
  if (flags & SYN) return paint.syn;
  if (flags & FIN) return paint.end;
  if (rows.marks[i] & Mark.zeroWindow) return paint.zero;
  return rows.length[k] ? paint.payload : paint.plain;
}

/** How much a packet matters where there is room for one of many. */
export function weightOf(rows: Rows, i: number): number {
  const k = i * rows.taps + rows.first[i];
  if (rows.missing[i]) for (let n = i * rows.taps; n < (i + 1) * rows.taps; ++n) if (rows.fate[n] === Fate.lost) return 7;
  if (rows.marks[i] & Mark.reset) return 7;
  if (rows.again[i]) return 6;
  if (rows.marks[i] & Mark.zeroWindow) return 5;
  if (rows.missing[i]) return 4;
  if (rows.flags[k] & (SYN | FIN)) return 3;
  return rows.length[k] ? 2 : 1;
}

/** Where on its line a tap's point stands: the lower, the later. */
function offset(rows: Rows, i: number, tap: number, room: number): number {
  const start = rows.at[i * rows.taps + rows.first[i]], whole = rows.at[i * rows.taps + rows.last[i]] - start;
  return whole > 0 ? ((rows.at[i * rows.taps + tap] - start) / whole - 0.5) * room : 0;
}

function arrow(g: CanvasRenderingContext2D, x: number, y: number, fromX: number): void {
  const way = x > fromX ? -1 : 1;
  g.beginPath();
  g.moveTo(x + way * 2, y);
  g.lineTo(x + way * 9, y - 3.5);
  g.lineTo(x + way * 9, y + 3.5);
  g.fill();
}

function mark(g: CanvasRenderingContext2D, fate: Fate, x: number, y: number, half: number, paint: Paint): void {
  g.lineWidth = 1.8;
  if (fate === Fate.lost) {
    g.strokeStyle = paint.bad;
    g.beginPath();
    g.moveTo(x - half, y - half);
    g.lineTo(x + half, y + half);
    g.moveTo(x + half, y - half);
    g.lineTo(x - half, y + half);
    g.stroke();
  } else if (fate === Fate.gap) {
    g.strokeStyle = paint.warn;
    g.strokeRect(x - half, y - half, half * 2, half * 2);
  } else {
    g.fillStyle = paint.muted;
    g.textAlign = "center";
    g.fillText(fate === Fate.recut ? "≡" : "?", x, y + 4);
  }
}

const seconds = (rows: Rows, i: number) => (rows.time[i] / 1e9).toFixed(6);

function packet(g: CanvasRenderingContext2D, rows: Rows, i: number, y: number, width: number, height: number, look: Look, paint: Paint): void {
  const { taps } = rows, forward = rows.toServer[i] === 1, room = height * 0.45, dot = Math.min(2.6, height / 5);
  g.strokeStyle = g.fillStyle = tone(rows, i, paint, look.tcp);
  g.lineWidth = 1.5;
  g.beginPath();
  let before = -1, x = 0, end = y, fromX = 0;
  for (let n = 0; n < taps; ++n) {
    const j = forward ? n : taps - 1 - n;
    if (rows.fate[i * taps + j] !== Fate.seen) continue;
    fromX = x;
    x = tapX(j, taps, width, height);
    end = y + offset(rows, i, j, room);
    if (before < 0) g.moveTo(x, end);
    else g.lineTo(x, end);
    before = j;
  }
  g.stroke();
  if (rows.first[i] !== rows.last[i] && hasWords(height)) arrow(g, x, end, fromX);
  for (let j = 0; j < taps; ++j) {
    const fate = rows.fate[i * taps + j] as Fate, at = tapX(j, taps, width, height);
    if (fate === Fate.seen) {
      g.beginPath();
      g.arc(at, y + offset(rows, i, j, room), dot, 0, 7);
      g.fill();
    } else if (fate !== Fate.none) {
      mark(g, fate, at, y, Math.min(4, height / 3), paint);
      g.fillStyle = tone(rows, i, paint, look.tcp);
    }
  }
  if (!hasWords(height)) return;
  const space = textWidth(width, height);
  g.textAlign = "left";
  g.fillStyle = paint.ink;
  g.fillText(wordsIn(rows, i, look.tcp, look.numbers, Math.floor((space - 14) / letterWidth)), width - space + 10, y + 4);
  g.textAlign = "right";
  g.fillStyle = paint.muted;
  g.fillText(seconds(rows, i), timeWidth - 10, y + 4);
}

const arrivalPx = 9;

/** A packet that is a stroke: it stands out where it arrives, and what became of it shows. */
function stroke(g: CanvasRenderingContext2D, rows: Rows, i: number, y: number, thick: number, xs: number[], look: Look, paint: Paint): void {
  const left = xs[Math.min(rows.first[i], rows.last[i])], right = xs[Math.max(rows.first[i], rows.last[i])];
  g.fillStyle = tone(rows, i, paint, look.tcp);
  g.fillRect(left - (rows.toServer[i] ? 0 : arrivalPx), y, right - left + arrivalPx, thick);
  if (!rows.missing[i]) return;
  for (let j = 0; j < rows.taps; ++j) {
    const fate = rows.fate[i * rows.taps + j] as Fate;
    if (fate <= Fate.seen) continue;
    g.fillStyle = fate === Fate.lost ? paint.bad : fate === Fate.gap ? paint.warn : paint.muted;
    g.fillRect(xs[j] - 5, y, 10, Math.max(thick, 2));
  }
}

/** Times at the side of rows that have no words, as often as there is room. */
function times(g: CanvasRenderingContext2D, rows: Rows, lines: Int32Array, top: number, height: number, rowHeight: number, paint: Paint): void {
  g.textAlign = "right";
  g.fillStyle = paint.muted;
  for (let y = 14; y < height; y += 44) {
    let n = Math.floor((top + y) / rowHeight);
    while (n < lines.length && lines[n] < 0) ++n;
    if (n < lines.length) g.fillText(seconds(rows, lines[n]), timeWidth - 10, y + 4);
  }
}

function thin(g: CanvasRenderingContext2D, rows: Rows, lines: Int32Array, top: number, width: number, height: number, rowHeight: number, look: Look, paint: Paint): void {
  const xs = Array.from({ length: rows.taps }, (_, j) => tapX(j, rows.taps, width, rowHeight)), thick = rowHeight < 3 ? Math.max(1, rowHeight) : rowHeight - 1;
  const step = Math.max(1, rowHeight), inside = (line: number) => (line >= look.from && line <= look.to) || look.found[line] === 1;
  let n = Math.max(0, Math.floor(top / rowHeight));
  for (let y = n * rowHeight - top; y < height && n < lines.length; y += step) {
    const end = Math.min(lines.length, Math.max(n + 1, Math.ceil((y + step + top) / rowHeight - 1e-6)));
    let best = -1, weight = 0, marked = false;
    for (; n < end; ++n) {
      const line = lines[n];
      if (line < 0) continue;
      const own = weightOf(rows, line);
      marked ||= inside(line);
      if (own > weight) [best, weight] = [line, own];
    }
    if (marked) {
      g.fillStyle = paint.mark;
      g.fillRect(timeWidth, y, width - timeWidth, step);
      g.fillStyle = paint.ink;
      g.fillRect(width - 8, y, 8, Math.max(step, 2));
    }
    if (best >= 0) stroke(g, rows, best, y, thick, xs, look, paint);
  }
  times(g, rows, lines, top, height, rowHeight, paint);
}

export function drawLadder(g: CanvasRenderingContext2D, rows: Rows, lines: Int32Array, top: number, width: number, height: number, rowHeight: number, look: Look, paint: Paint): void {
  g.fillStyle = paint.ground;
  g.fillRect(0, 0, width, height);
  g.font = "12px ui-monospace, 'DejaVu Sans Mono', monospace";
  g.strokeStyle = paint.line;
  g.lineWidth = 1;
  for (let j = 0; j < rows.taps; ++j) {
    const x = Math.round(tapX(j, rows.taps, width, rowHeight)) + 0.5;
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x, height);
    g.stroke();
  }
  if (rowHeight < packetHeightMin) return thin(g, rows, lines, top, width, height, rowHeight, look, paint);
  const from = Math.max(0, Math.floor(top / rowHeight)), to = Math.min(lines.length, Math.ceil((top + height) / rowHeight));
  for (let n = from; n < to; ++n) {
    const line = lines[n], y = n * rowHeight - top + rowHeight / 2;
    if (line >= 0) {
      if ((line >= look.from && line <= look.to) || look.found[line]) {
        g.fillStyle = paint.mark;
        g.fillRect(0, y - rowHeight / 2, width, rowHeight);
      }
      packet(g, rows, line, y, width, rowHeight, look, paint);
      continue;
    }
    if (!hasWords(rowHeight)) continue;
    const next = lines[n + 1] ?? rows.count - 1;
    g.fillStyle = paint.muted;
    g.textAlign = "center";
    g.fillText(line === idleMark ? look.idle(duration(rows.time[next] - rows.time[next - 1])) : look.fold(-1 - line), timeWidth + (width - timeWidth - textWidth(width, rowHeight)) / 2, y + 4);
  }
  if (!hasWords(rowHeight)) times(g, rows, lines, top, height, rowHeight, paint);
}
