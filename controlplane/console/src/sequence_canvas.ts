// SPDX-License-Identifier: Apache-2.0
// The time-sequence graph of one direction, after tcptrace: a segment is an upright stroke from its first to its last byte,
// a retransmission a red one, acknowledgements are the stepped line below, the window the one above. Sequence numbers are
// counted from each tap's first, so that taps lie over each other whatever a gateway added.
import { ACK, Fate, FIN, SYN, type Rows } from "./ladder";
import { colour } from "./settings";
import { bytes, duration } from "./time";

export interface Sight { fromNs: number; toNs: number }

export const margin = { left: 74, right: 16, top: 14, bottom: 26 };

export const wholeSight = (rows: Rows): Sight => ({ fromNs: 0, toNs: Math.max(1000, rows.count ? rows.time[rows.count - 1] * 1.02 : 1000) });

const relative = (value: number, base: number) => (value - base) | 0;

function highest(rows: Rows, way: number, sight: Sight): [number, number] {
  let low = Infinity, high = 1;
  for (let i = 0; i < rows.count; ++i) {
    if (rows.toServer[i] !== way || rows.time[i] < sight.fromNs || rows.time[i] > sight.toNs) continue;
    const tap = rows.first[i], k = i * rows.taps + tap;
    const seq = relative(rows.seq[k], rows.base[tap * 2 + way]);
    low = Math.min(low, seq);
    high = Math.max(high, seq + rows.length[k]);
  }
  return low === Infinity ? [0, 1] : [Math.min(low, high - 1), high];
}

function axes(g: CanvasRenderingContext2D, width: number, height: number, sight: Sight, low: number, high: number): void {
  g.strokeStyle = colour("line");
  g.fillStyle = colour("muted");
  g.font = "11px system-ui, sans-serif";
  for (let n = 0; n <= 5; ++n) {
    const x = margin.left + ((width - margin.left - margin.right) * n) / 5, y = height - margin.bottom - ((height - margin.top - margin.bottom) * n) / 5;
    g.beginPath();
    g.moveTo(x + 0.5, margin.top);
    g.lineTo(x + 0.5, height - margin.bottom);
    g.moveTo(margin.left, y + 0.5);
    g.lineTo(width - margin.right, y + 0.5);
    g.stroke();
    g.textAlign = n === 5 ? "right" : "center";
    g.fillText(duration(sight.fromNs + ((sight.toNs - sight.fromNs) * n) / 5), x, height - 8);
    g.textAlign = "right";
    g.fillText(bytes(Math.round(low + ((high - low) * n) / 5)), margin.left - 8, y + 4);
  }
}

export function drawSequence(g: CanvasRenderingContext2D, rows: Rows, way: number, taps: boolean[], sight: Sight, at: number, width: number, height: number): void {
  const [low, high] = highest(rows, way, sight);
  axes(g, width, height, sight, low, high);
  const x = (ns: number) => margin.left + ((ns - sight.fromNs) / (sight.toNs - sight.fromNs)) * (width - margin.left - margin.right);
  const y = (seq: number) => height - margin.bottom - ((seq - low) / (high - low)) * (height - margin.top - margin.bottom);
  const red = colour("bad");
  g.save();
  g.beginPath();
  g.rect(margin.left, 0, width - margin.left - margin.right, height - margin.bottom);
  g.clip();
  for (let tap = 0; tap < rows.taps; ++tap) {
    if (!taps[tap]) continue;
    const tone = colour("c" + ((tap % 7) + 1));
    let acked: number | null = null, ackX = 0;
    for (let i = 0; i < rows.count; ++i) {
      const k = i * rows.taps + tap;
      if (rows.fate[k] !== Fate.seen) continue;
      const px = x(rows.at[k]);
      if (rows.toServer[i] === way) {
        if (px < margin.left - 2 || px > width) continue;
        const seq = relative(rows.seq[k], rows.base[tap * 2 + way]), end = seq + Math.max(rows.length[k], rows.flags[k] & (SYN | FIN) ? 1 : 0);
        if (end === seq) continue;
        g.strokeStyle = rows.again[i] ? red : tone;
        g.lineWidth = rows.again[i] ? 2.5 : 1.5;
        g.beginPath();
        g.moveTo(px, y(seq));
        g.lineTo(px, Math.min(y(end), y(seq) - 2));
        g.moveTo(px - 2.5, y(end) + 2);
        g.lineTo(px, Math.min(y(end), y(seq) - 2));
        g.lineTo(px + 2.5, y(end) + 2);
        g.stroke();
      } else if (rows.flags[k] & ACK) {
        const ack = relative(rows.ack[k], rows.base[tap * 2 + way]);
        g.strokeStyle = tone;
        g.lineWidth = 1;
        g.globalAlpha = 0.6;
        if (acked !== null) {
          g.beginPath();
          g.moveTo(ackX, y(acked));
          g.lineTo(px, y(acked));
          g.lineTo(px, y(ack));
          g.stroke();
        }
        g.globalAlpha = 1;
        [acked, ackX] = [ack, px];
      }
    }
  }
  g.restore();
  if (at >= 0 && at < rows.count) {
    g.strokeStyle = colour("accent");
    g.setLineDash([4, 3]);
    g.beginPath();
    g.moveTo(x(rows.time[at]), margin.top);
    g.lineTo(x(rows.time[at]), height - margin.bottom);
    g.stroke();
    g.setLineDash([]);
  }
}
