// SPDX-License-Identifier: Apache-2.0
// What a reader chose in the ladder, as its address has it, so that a reload and a link show the same.
import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Numbers } from "./ladder";
import { changed, go, here, type Query } from "./place";

/** ns after the first packet, and bytes of the stream where those were chosen. */
export interface Sight { fromNs: number; toNs: number; low?: number; high?: number }

export interface State {
  row: number; anchor: number; // the chosen row, and where the range begins that ends at it; -1: none
  top: number; // the row that stands uppermost
  height: number; // of a row, px
  foldAcks: boolean; markIdle: boolean; numbers: Numbers; find: string;
  way: number; // the sequence graph's direction: 1 to the server
  hidden: number[]; // its taps that are not drawn
  sight?: Sight; // the part of it that is in sight; all where there is none
}

export const rowHeight = 20, rowHeightMax = 28, rowHeightMin = 0.004;

const whole = (text: string | undefined, most = 1e9) => (text !== undefined && /^\d{1,9}$/.test(text) && Number(text) <= most ? Number(text) : -1);
function pair(text: string | undefined): [number, number] | undefined {
  const ends = (text ?? "").split("~").map(Number);
  return text && ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? [ends[0], ends[1]] : undefined;
}

/** Whatever the address holds: what cannot be is as where nothing was chosen. */
export function stateOf(query: Query): State {
  const [, begin, end] = /^(?:(\d{1,9})-)?(\d{1,9})$/.exec(query.row ?? "") ?? [], row = whole(end), height = Number(query.zoom), time = pair(query.t), bytes = pair(query.bytes);
  return {
    row, anchor: begin === undefined ? row : whole(begin), top: Math.max(0, whole(query.top)),
    height: query.zoom && height >= rowHeightMin && height <= rowHeightMax ? height : rowHeight,
    foldAcks: query.acks === "fold", markIdle: query.idle !== "plain", numbers: query.numbers === "raw" || query.numbers === "normalised" ? query.numbers : "relative",
    find: query.find ?? "", way: query.way === "server" ? 1 : 0, hidden: (query.hide ?? "").split(".").map((one) => whole(one, 1023)).filter((one) => one >= 0),
    sight: time && { fromNs: time[0], toNs: time[1], ...(bytes && { low: bytes[0], high: bytes[1] }) },
  };
}

const digits = (value: number) => String(Number(value.toPrecision(12)));

export function queryOf(state: State): Query {
  const { sight } = state;
  return {
    row: state.row < 0 ? "" : state.anchor === state.row ? String(state.row) : `${state.anchor}-${state.row}`, top: state.top ? String(state.top) : "",
    zoom: state.height === rowHeight ? "" : digits(state.height), acks: state.foldAcks ? "fold" : "", idle: state.markIdle ? "" : "plain",
    numbers: state.numbers === "relative" ? "" : state.numbers, find: state.find, way: state.way ? "server" : "", hide: state.hidden.join("."),
    t: sight ? `${digits(sight.fromNs)}~${digits(sight.toNs)}` : "", bytes: sight?.low !== undefined && sight.high !== undefined ? `${digits(sight.low)}~${digits(sight.high)}` : "",
  };
}

const writtenEachMs = 400; // browsers refuse more than 200 in 30 s

/** The state, and what changes it: at once for whoever reads `now`, in the address a few times a second at most. */
export class LadderState {
  now: State;
  private listener = () => {};
  private waits = 0;
  private wroteMs = -Infinity;
  constructor(private path: string) {
    this.now = stateOf(here().query);
  }
  change(change: Partial<State>, quietly = false): void {
    this.now = { ...this.now, ...change };
    if (!quietly) this.listener();
    if (this.waits) return;
    const left = this.wroteMs + writtenEachMs - performance.now();
    if (left <= 0) this.write();
    else this.waits = window.setTimeout(() => this.write(), left);
  }
  choose(row: number, more: boolean): void {
    this.change({ row, anchor: more && this.now.anchor >= 0 ? this.now.anchor : row });
  }
  follow(listener: () => void): () => void {
    this.listener = listener;
    const read = () => {
      if (here().path !== this.path) return;
      clearTimeout(this.waits);
      this.waits = 0;
      this.now = stateOf(here().query);
      listener();
    };
    addEventListener("popstate", read);
    return () => {
      removeEventListener("popstate", read);
      clearTimeout(this.waits);
      this.listener = () => {};
    };
  }
  private write(): void {
    this.waits = 0;
    this.wroteMs = performance.now();
    if (here().path !== this.path) return;
    const to = changed(queryOf(this.now));
    if (to !== location.pathname + location.search) go(to, true);
  }
}

export function useLadderState(): LadderState {
  const state = useMemo(() => new LadderState(here().path), []), [, again] = useState(0);
  useLayoutEffect(() => state.follow(() => again((n) => n + 1)), [state]);
  return state;
}
