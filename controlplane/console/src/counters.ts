// SPDX-License-Identifier: Apache-2.0
// Counters of the status with what they grew by a second, between an observer's own last two messages.
import type { Live } from "./api";
import type { Counter, Observer, Status } from "./wire";

/** Names of what was dropped, refused or not understood. */
export const lossy = /drop|evict|overr|lost|bad|refus|fail|short|trunc|unknown|skip|full/;

export interface Line { counter: Counter; owner: string; perSecond: number | null }

/** Counters come once a second; the time between two messages of the sender is nearer than that between two looks. */
export function secondsOf(now: Observer | undefined, before: Observer | undefined, live: Live): number {
  if (!now) return (live.heardMs - live.beforeMs) / 1000;
  return before && before.started_ns === now.started_ns ? Number(BigInt(now.heard_ns) - BigInt(before.heard_ns)) / 1e9 : 0;
}

function rated(counters: Counter[], before: Counter[], owner: string, seconds: number): Line[] {
  const old = new Map(before.map((one) => [one.name + "|" + one.tap, Number(one.value)]));
  return counters.map((counter) => {
    const was = old.get(counter.name + "|" + counter.tap);
    return { counter, owner, perSecond: was === undefined || seconds <= 0 ? null : Math.max(0, Number(counter.value) - was) / seconds };
  });
}

export function linesOf(live: Live): Line[] {
  const find = (status: Status | undefined, name: string) => status?.observers.find((one) => one.name === name);
  return [
    ...(live.status?.observers ?? []).flatMap((one) => rated(one.counters, find(live.before, one.name)?.counters ?? [], one.name, secondsOf(one, find(live.before, one.name), live))),
    ...rated(live.status?.counters ?? [], live.before?.counters ?? [], "", secondsOf(undefined, undefined, live)),
  ];
}
