// SPDX-License-Identifier: Apache-2.0
// Times and sizes as people read them. Times come as ns in text: a JavaScript number would lose the last digits.
const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };
export const ranges = ["5m", "15m", "1h", "6h", "24h", "7d"];
export const usualRange = "15m";

const text = (n: bigint) => n.toString();

/** "15m" → ns before now; digits stand for themselves. */
export function toNs(value: string, nowMs = Date.now()): string {
  const found = /^(\d+)([smhd])$/.exec(value);
  if (found) return text((BigInt(Math.round(nowMs)) - BigInt(Number(found[1]) * units[found[2]] * 1000)) * 1000000n);
  return /^\d+$/.test(value) ? value : text(BigInt(Math.round(nowMs)) * 1000000n);
}

export const isRange = (value: string) => /^\d+[smhd]$/.test(value);
export const toMs = (ns: string) => Number(BigInt(ns) / 1000n) / 1000;
export const between = (from: string, to: string) => Number(BigInt(to) - BigInt(from));
export const plus = (ns: string, more: number) => text(BigInt(ns) + BigInt(Math.round(more)));

const two = (n: number) => String(n).padStart(2, "0");

/** digits: of the second's fraction, up to 9. */
export function clock(ns: string, utc: boolean, digits = 3, date = false): string {
  if (!ns || ns === "0") return "–";
  const d = new Date(toMs(ns));
  const p = utc
    ? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
    : [d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
  const day = date ? `${p[0]}-${two(p[1] + 1)}-${two(p[2])} ` : "";
  const fraction = digits ? "." + (BigInt(ns) % 1000000000n).toString().padStart(9, "0").slice(0, digits) : "";
  return `${day}${two(p[3])}:${two(p[4])}:${two(p[5])}${fraction}${utc ? "Z" : ""}`;
}

/** What an <input type="datetime-local"> holds: to the second. */
export const typed = (ns: string, utc: boolean) => clock(ns, utc, 0, true).replace(" ", "T").replace("Z", "");

/** The ns of what was typed there; empty where it is no time. */
export function fromTyped(value: string, utc: boolean): string {
  const ms = Date.parse(utc ? value + "Z" : value);
  return Number.isNaN(ms) ? "" : text(BigInt(ms) * 1000000n);
}

/** RFC 3339, for commands. */
export const rfc3339 = (ns: string) => clock(ns, true, 9, true).replace(" ", "T");

export function duration(ns: number): string {
  const size = Math.abs(ns);
  if (size < 1000) return `${Math.round(ns)} ns`;
  if (size < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  if (size < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
  if (size < 120e9) return `${(ns / 1e9).toPrecision(3)} s`;
  if (size < 7200e9) return `${Math.round(ns / 60e9)} min`;
  return `${(ns / 3600e9).toFixed(1)} h`;
}

/** A time of which parts of `step` ns can be told apart: -41.02 ms where steps are of 10 µs. */
export function finely(ns: number, step = 0): string {
  const size = Math.abs(ns), [unit, name] = size < 1e3 ? [1, "ns"] : size < 1e6 ? [1e3, "µs"] : size < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  if (!(step > 0) || ns === 0) return duration(ns);
  const digits = Math.max(0, Math.min(5, Math.ceil(-Math.log10(step / unit) - 1e-9))), whole = (places: number) => Math.abs((step / unit) * 10 ** places - Math.round((step / unit) * 10 ** places)) < 1e-6;
  return `${(ns / unit).toFixed(!whole(digits) && whole(digits + 1) ? digits + 1 : digits)} ${name}`; // steps of 0.25 need two places
}

export function count(value: number | string): string {
  const n = Number(value);
  if (Math.abs(n) < 10000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toPrecision(3)} k` : n < 1e9 ? `${(n / 1e6).toPrecision(3)} M` : `${(n / 1e9).toPrecision(3)} G`;
}

export function bytes(value: number | string): string {
  const n = Number(value);
  if (n < 1000) return `${n} B`;
  return n < 1e6 ? `${(n / 1e3).toPrecision(3)} kB` : n < 1e9 ? `${(n / 1e6).toPrecision(3)} MB` : `${(n / 1e9).toPrecision(3)} GB`;
}

export const percent = (part: number) => (part === 0 ? "0 %" : part < 0.001 ? "<0.1 %" : `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`);
