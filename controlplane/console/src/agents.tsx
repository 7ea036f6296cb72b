// SPDX-License-Identifier: Apache-2.0
// The agents: which are there, what sockets they reported, and what they could not hand on.
import type { Live } from "./api";
import { secondsOf } from "./counters";
import { view } from "./place";
import { useSettings } from "./settings";
import { clock, count } from "./time";
import type { Observer } from "./wire";
import { t } from "./words";

const dropped = /refused|malformed|lost|overr|evict|full/; // what a socket's report was lost by; left out by the configuration is no loss

const sum = (one: Observer | undefined, fits: (name: string) => boolean) => (one?.counters ?? []).filter((c) => fits(c.name)).reduce((n, c) => n + Number(c.value), 0);
const reported = (one: Observer | undefined) => sum(one, (name) => name === "legs_reported");

function Row(props: { one: Observer; live: Live }) {
  const { one, live } = props;
  const { utc } = useSettings();
  const old = live.before?.observers.find((o) => o.name === one.name), seconds = secondsOf(one, old, live), lost = sum(one, (name) => dropped.test(name));
  const words = one.counters.filter((c) => dropped.test(c.name) && Number(c.value) > 0).map((c) => `${c.value} ${c.text}`).join("\n");
  return (
    <tr>
      <th scope="row">{one.name}</th>
      <td>{one.connected ? <b class="good">● {t("connected")}</b> : <b class="bad">○ {t("away")}</b>}</td>
      <td>{clock(one.heard_ns, utc, 0)}</td>
      <td class="number">{count(reported(one))}</td>
      <td class="number">{old && seconds > 0 ? count(Math.round((reported(one) - reported(old)) / seconds)) : "–"}</td>
      <td class={lost > 0 ? "number bad" : "number"} title={words}>{count(lost)}</td>
      <td class="number">{count(sum(one, (name) => name === "legs_left_out"))}</td>
      <td class="chips">{one.taps.map((tap) => <a key={tap} class="chip" href={view("/paths", { filter: `tap == "${tap}"` })}>{tap}</a>)}</td>
    </tr>
  );
}

export function Agents(props: { live: Live }) {
  const { live } = props;
  const agents = (live.status?.observers ?? []).filter((one) => one.kind === "agent");
  if (!agents.length) return <p class="note">{t("No agent has connected: paths end at the last tap, not in a process. Start clew-agent on the hosts.")}</p>;
  const heads: [string, string][] = [
    [t("Agent"), ""], [t("state"), ""], [t("heard"), ""], [t("sockets"), t("reports of sockets handed on since the agent started")], [t("a second"), t("in the last second")],
    [t("dropped"), t("reports that could not be handed on; which, when pointed at")], [t("left out"), t("of commands that the configuration leaves out")], [t("taps"), ""],
  ];
  return (
    <table class="plain-table agents">
      <thead><tr>{heads.map(([name, title], i) => <th key={i} scope="col" title={title} class={i > 2 && i < 7 ? "number" : ""}>{name}</th>)}</tr></thead>
      <tbody>{agents.map((one) => <Row key={one.name} one={one} live={live} />)}</tbody>
    </table>
  );
}
