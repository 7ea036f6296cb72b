// SPDX-License-Identifier: Apache-2.0
// Each tap: what it sees a second, and what of that is dropped there.
import type { Live } from "./api";
import { linesOf, lossy, type Line } from "./counters";
import { view } from "./place";
import { bytes, count } from "./time";
import { t } from "./words";

interface Tap { tap: string; owner: string; connected: boolean; packets: number | null; bits: number | null; drops: number | null; seen: number; lost: number; words: string }

function tapsOf(live: Live): Tap[] {
  const lines = new Map<string, Line[]>(), key = (owner: string, tap: string) => `${owner}|${tap}`;
  for (const line of linesOf(live)) {
    const place = key(line.owner, line.counter.tap), there = lines.get(place);
    if (there) there.push(line);
    else lines.set(place, [line]);
  }
  return (live.status?.observers ?? []).filter((one) => one.kind !== "agent").flatMap((observer) => observer.taps.map((tap) => {
    const own = lines.get(key(observer.name, tap)) ?? [];
    const named = (name: string) => own.find((line) => line.counter.name === name), lost = own.filter((line) => lossy.test(line.counter.name));
    const packets = named("tap_packets"), size = named("tap_bytes"), known = lost.length && lost.every((line) => line.perSecond !== null);
    return {
      tap, owner: observer.name, connected: observer.connected, packets: packets?.perSecond ?? null, bits: size?.perSecond == null ? null : size.perSecond * 8,
      drops: known ? lost.reduce((sum, line) => sum + line.perSecond!, 0) : null, seen: Number(packets?.counter.value ?? 0),
      lost: lost.reduce((sum, line) => sum + Number(line.counter.value), 0),
      words: lost.filter((line) => Number(line.counter.value) > 0).map((line) => `${line.counter.value} ${line.counter.text}`).join("\n"),
    };
  }));
}

const rate = (value: number) => (value > 0 && value < 10 ? value.toPrecision(2) : count(Math.round(value)));
const bitRate = (value: number) => bytes(Math.round(value)).replace(/B$/, "bit/s");

export function Taps(props: { live: Live }) {
  const taps = tapsOf(props.live);
  if (!taps.length) return <p class="note">{t("No sensor has connected since this control plane started: no tap is known.")}</p>;
  const heads: [string, string][] = [
    [t("Tap"), ""], [t("Observer"), ""], [t("packets a second"), t("between the sensor's last two messages")], [t("bits a second"), t("of whole frames, between the sensor's last two messages")],
    [t("dropped a second"), t("dropped, refused or not understood at this tap")], [t("packets"), t("since the sensor started")], [t("dropped"), t("since the sensor started; which, when pointed at")],
  ];
  return (
    <table class="plain-table taps">
      <thead><tr>{heads.map(([name, title], i) => <th key={i} scope="col" title={title} class={i > 1 ? "number" : ""}>{name}</th>)}</tr></thead>
      <tbody>
        {taps.map((one) => {
          const now = (value: number | null, text: (value: number) => string) => (value === null || !one.connected ? "–" : text(value));
          return (
            <tr key={one.owner + one.tap}>
              <th scope="row"><a href={view("/paths", { filter: `tap == "${one.tap}"` })}>{one.tap}</a></th><td>{one.owner}</td>
              <td class="number">{now(one.packets, rate)}</td><td class="number">{now(one.bits, bitRate)}</td>
              <td class={(one.drops ?? 0) > 0 ? "number bad" : "number"}>{now(one.drops, rate)}</td>
              <td class="number" title={String(one.seen)}>{count(one.seen)}</td><td class={one.lost > 0 ? "number warn" : "number"} title={one.words}>{count(one.lost)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
