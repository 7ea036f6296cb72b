// SPDX-License-Identifier: Apache-2.0
// Questions to /api/v1. A question that is no longer wanted is cancelled; a refusal is the API's own sentence.
import { useEffect, useRef, useState } from "preact/hooks";
import { address, type Query } from "./place";
import { toNs, usualRange } from "./time";
import type { Status } from "./wire";

export const apiAddress = (what: string, query: Query = {}) => address("/api/v1/" + what, query);

/** What an answer is read by. */
export type Read<T> = (response: Response) => Promise<T>;
const asJson = <T>(response: Response) => response.json() as Promise<T>;

export async function ask<T>(what: string, signal?: AbortSignal, read: Read<T> = asJson): Promise<T> {
  let response: Response;
  try {
    response = await fetch(what, { signal });
  } catch (failure) {
    if ((failure as Error).name === "AbortError") throw failure;
    throw new Error("clew-control does not answer");
  }
  if (response.ok) return read(response);
  const body = await response.text();
  let sentence = `HTTP ${response.status}`;
  try {
    sentence = (JSON.parse(body) as { error: string }).error;
  } catch {
    // not the API's: the status has to do
  }
  throw new Error(sentence);
}

export interface Asked<T> { value?: T; error?: string; loading: boolean; took: number }

/** Asks when `what` changes (null: nothing to ask) and again at each `tick`; the old value stays until the new is there. */
export function useApi<T>(what: string | null, tick = 0, read?: Read<T>): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ loading: what !== null, took: 0 });
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (what === null) {
      setAsked({ loading: false, took: 0 });
      return;
    }
    const stop = new AbortController();
    const start = performance.now();
    const other = before.current?.split("?")[0] !== what.split("?")[0];
    before.current = what;
    setAsked((old) => (other ? { loading: true, took: 0 } : { ...old, loading: true }));
    ask<T>(what, stop.signal, read).then(
      (value) => setAsked({ value, loading: false, took: performance.now() - start }),
      (failure) => {
        if (!stop.signal.aborted) setAsked({ error: (failure as Error).message, loading: false, took: performance.now() - start });
      },
    );
    return () => stop.abort();
  }, [what, tick]);
  return asked;
}

export interface Range { since: string; until: string; sinceNs: string; untilNs: string }

const minuteNs = 60000000000n;

/** The time of a view, in ns; relative ones end now, anew at each tick. From an hour on it is of whole minutes: the store has sums of those. */
export function rangeOf(query: Query): Range {
  const since = query.since || usualRange;
  let from = BigInt(toNs(since)), to = BigInt(query.until ? toNs(query.until) : toNs(""));
  if (to - from >= 60n * minuteNs) {
    from -= from % minuteNs;
    to += (minuteNs - (to % minuteNs)) % minuteNs;
  }
  return { since, until: query.until ?? "", sinceNs: String(from), untilNs: String(to) };
}

/** The parameters that every question over many paths has. */
export const asking = (range: Range, filter = "", more: Query = {}): Query => ({
  since_ns: range.sinceNs, until_ns: range.untilNs, filter, ...more,
});

export interface Live { status?: Status; before?: Status; heardMs: number; beforeMs: number; connected: boolean }

let live: Live = { heardMs: 0, beforeMs: 0, connected: false };
const listeners = new Set<() => void>();
let events: EventSource | undefined;

/** What was heard before; of each observer its last other message, since not every status brings a new one. */
function earlier(now: Status): Status | undefined {
  const { status, before } = live;
  if (!status) return undefined;
  const find = (of: Status | undefined, name: string) => of?.observers.find((one) => one.name === name);
  const observers = now.observers.flatMap((one) => {
    const last = find(status, one.name), old = last?.heard_ns === one.heard_ns ? find(before, one.name) : last;
    return old ? [old] : [];
  });
  return { ...status, observers };
}

function listen(): void {
  events = new EventSource("/api/v1/events");
  events.addEventListener("status", (event) => {
    const status = JSON.parse((event as MessageEvent<string>).data) as Status;
    live = { status, before: earlier(status), heardMs: performance.now(), beforeMs: live.heardMs, connected: true };
    listeners.forEach((listener) => listener());
  });
  events.onerror = () => {
    live = { ...live, connected: false };
    listeners.forEach((listener) => listener());
    if (events?.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

/** The status as it comes once a second; one connection for all views. */
export function useLive(): Live {
  const [now, setNow] = useState(live);
  useEffect(() => {
    if (!events) listen();
    const update = () => setNow(live);
    listeners.add(update);
    update();
    return () => void listeners.delete(update);
  }, []);
  return now;
}
