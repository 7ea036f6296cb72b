// SPDX-License-Identifier: Apache-2.0
// Draws the lines of a ladder that are in sight: one polyline a packet, over the taps that saw it.
import { Fate, FIN, idleMark, Mark, SYN, words, type Numbers, type Rows } from "./ladder";
import { colour } from "./settings";
import { duration } from "./time";

export const lineHeight = 20;
export const timeWidth = 132;
/** Room for the packet in words; what does not fit is cut at the edge. */
export const textWidth = (width: number) => (width < 1000 ? 150 : 340);

export interface Look { numbers: Numbers; tcp: boolean; from: number; to: number; found: Set<number>; fold: (n: number) => string; idle: (text: string) => string }

export interface Paint { ink: string; muted: string; line: string; ground: string; mark: string; syn: string; end: string; bad: string; warn: string; zero: string; plain: string; payload: string }

export const paintOf = (): Paint => ({
  ink: colour("ink"), muted: colour("muted"), line: colour("line"), ground: colour("ground"), mark: colour("mark"), syn: colour("c1"), end: colour("c4"),
  bad: colour("bad"), warn: colour("warn"), zero: colour("c5"), plain: colour("muted"), payload: colour("c3"),
});

export function tapX(tap: number, taps: number, width: number): number {
  const room = Math.max(160, width - timeWidth - textWidth(width));
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

/** Where on its line a tap's point stands: the lower, the later. */
function offset(rows: Rows, i: number, tap: number): number {
  const start = rows.at[i * rows.taps + rows.first[i]], whole = rows.at[i * rows.taps + rows.last[i]] - start;
  return whole > 0 ? ((rows.at[i * rows.taps + tap] - start) / whole) * 9 - 4.5 : 0;
}

function arrow(g: CanvasRenderingContext2D, x: number, y: number, fromX: number): void {
  const way = x > fromX ? -1 : 1;
  g.beginPath();
  g.moveTo(x + way * 2, y);
  g.lineTo(x + way * 9, y - 3.5);
  g.lineTo(x + way * 9, y + 3.5);
  g.fill();
}

function mark(g: CanvasRenderingContext2D, fate: Fate, x: number, y: number, paint: Paint): void {
  g.lineWidth = 1.8;
  if (fate === Fate.lost) {
    g.strokeStyle = paint.bad;
    g.beginPath();
    g.moveTo(x - 4, y - 4);
    g.lineTo(x + 4, y + 4);
    g.moveTo(x + 4, y - 4);
    g.lineTo(x - 4, y + 4);
    g.stroke();
  } else if (fate === Fate.gap) {
    g.strokeStyle = paint.warn;
    g.strokeRect(x - 4, y - 4, 8, 8);
  } else {
    g.fillStyle = paint.muted;
    g.textAlign = "center";
    g.fillText(fate === Fate.recut ? "≡" : "?", x, y + 4);
  }
}

function packet(g: CanvasRenderingContext2D, rows: Rows, i: number, y: number, width: number, look: Look, paint: Paint): void {
  const { taps } = rows, forward = rows.toServer[i] === 1;
  g.strokeStyle = g.fillStyle = tone(rows, i, paint, look.tcp);
  g.lineWidth = 1.5;
  g.beginPath();
  let before = -1, x = 0, end = y, fromX = 0;
  for (let n = 0; n < taps; ++n) {
    const j = forward ? n : taps - 1 - n;
    if (rows.fate[i * taps + j] !== Fate.seen) continue;
    fromX = x;
    x = tapX(j, taps, width);
    end = y + offset(rows, i, j);
    if (before < 0) g.moveTo(x, end);
    else g.lineTo(x, end);
    before = j;
  }
  g.stroke();
  if (rows.first[i] !== rows.last[i]) arrow(g, x, end, fromX);
  for (let j = 0; j < taps; ++j) {
    const fate = rows.fate[i * taps + j] as Fate, at = tapX(j, taps, width);
    if (fate === Fate.seen) {
      g.beginPath();
      g.arc(at, y + offset(rows, i, j), 2.6, 0, 7);
      g.fill();
    } else if (fate !== Fate.none) {
      mark(g, fate, at, y, paint);
      g.fillStyle = tone(rows, i, paint, look.tcp);
    }
  }
  g.textAlign = "left";
  g.fillStyle = paint.ink;
  g.fillText(words(rows, i, look.tcp, look.numbers), width - textWidth(width) + 12, y + 4);
  g.textAlign = "right";
  g.fillStyle = paint.muted;
  g.fillText((rows.time[i] / 1e9).toFixed(6), timeWidth - 14, y + 4);
}

export function drawLadder(g: CanvasRenderingContext2D, rows: Rows, lines: Int32Array, top: number, width: number, height: number, look: Look, paint: Paint): void {
  g.fillStyle = paint.ground;
  g.fillRect(0, 0, width, height);
  g.font = "12px ui-monospace, 'DejaVu Sans Mono', monospace";
  g.strokeStyle = paint.line;
  g.lineWidth = 1;
  for (let j = 0; j < rows.taps; ++j) {
    const x = Math.round(tapX(j, rows.taps, width)) + 0.5;
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x, height);
    g.stroke();
  }
  const from = Math.max(0, Math.floor(top / lineHeight)), to = Math.min(lines.length, Math.ceil((top + height) / lineHeight));
  for (let n = from; n < to; ++n) {
    const line = lines[n], y = n * lineHeight - top + lineHeight / 2;
    if (line >= 0) {
      if ((line >= look.from && line <= look.to) || look.found.has(line)) {
        g.fillStyle = paint.mark;
        g.fillRect(0, y - lineHeight / 2, width, lineHeight);
      }
      packet(g, rows, line, y, width, look, paint);
      continue;
    }
    const next = lines[n + 1] ?? rows.count - 1;
    g.fillStyle = paint.muted;
    g.textAlign = "center";
    g.fillText(line === idleMark ? look.idle(duration(rows.time[next] - rows.time[next - 1])) : look.fold(-1 - line), timeWidth + (width - timeWidth - textWidth(width)) / 2, y + 4);
  }
}
