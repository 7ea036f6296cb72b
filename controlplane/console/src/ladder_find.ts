// SPDX-License-Identifier: Apache-2.0
// Finds packets by their words, a slice at a time, so that the page answers meanwhile. Each packet is put in words once.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Numbers, type Rows, words } from "./ladder";

const sliceMs = 8, saidEachMs = 150, typingMs = 120;
export const findLettersMin = 2;

/** Row numbers in their order; `whole`: every packet was looked at. */
export interface Found { rows: Int32Array; whole: boolean }
export const nothingFound: Found = { rows: new Int32Array(0), whole: true };

export class Finder {
  private texts: string[] = [];
  private last = { text: "", found: new Int32Array(0) };
  constructor(private count: number, private textOf: (row: number) => string) {}

  /** Tells what it found from time to time, and at the end; the function that is returned ends it before. */
  search(text: string, tell: (found: Found) => void, later: (go: () => void) => void = (go) => setTimeout(go, 0)): () => void {
    const wanted = text.toLowerCase(), { last } = this;
    // What holds the longer text holds the shorter one, too.
    const among = last.text && wanted.includes(last.text) ? last.found : undefined, end = among?.length ?? this.count;
    const hits: number[] = [];
    let at = 0, told = performance.now(), ended = false;
    const slice = () => {
      if (ended) return;
      const start = performance.now();
      while (at < end) {
        const stop = Math.min(end, at + 256);
        for (; at < stop; ++at) {
          const row = among ? among[at] : at;
          if ((this.texts[row] ??= this.textOf(row).toLowerCase()).includes(wanted)) hits.push(row);
        }
        if (performance.now() - start > sliceMs) break;
      }
      const rows = Int32Array.from(hits), whole = at >= end;
      if (whole) this.last = { text: wanted, found: rows };
      if (whole || performance.now() - told > saidEachMs) {
        told = performance.now();
        tell({ rows, whole });
      }
      if (!whole) later(slice);
    };
    slice();
    return () => { ended = true; };
  }
}

export function useFind(rows: Rows, tcp: boolean, numbers: Numbers, text: string): Found {
  const [found, setFound] = useState(nothingFound);
  const asked = text.trim().length >= findLettersMin, first = useRef(true);
  const finder = useMemo(() => (asked ? new Finder(rows.count, (row) => words(rows, row, tcp, numbers)) : null), [rows, tcp, numbers, asked]);
  useEffect(() => {
    if (!finder) return setFound(nothingFound);
    let end = () => {};
    const wait = setTimeout(() => { end = finder.search(text.trim(), setFound); }, first.current ? 0 : typingMs); // an address is not typed
    first.current = false;
    return () => { clearTimeout(wait); end(); };
  }, [finder, text]);
  return found;
}

/** The first behind a row, or the last before it; around the end. */
export function nextOf(found: Int32Array, row: number, by: 1 | -1): number | undefined {
  if (found.length === 0) return undefined;
  let low = 0, high = found.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (by > 0 ? found[middle] <= row : found[middle] < row) low = middle + 1;
    else high = middle;
  }
  return by > 0 ? found[low % found.length] : found[(low - 1 + found.length) % found.length];
}
