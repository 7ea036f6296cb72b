// SPDX-License-Identifier: Apache-2.0
// What the linker learnt of each gateway since it began: what it does to packets, adds and loses, and when that changed.
import { useMemo } from "preact/hooks";
import { apiAddress, useApi } from "./api";
import { Answer } from "./parts";
import { useSettings } from "./settings";
import { clock, count, duration, percent } from "./time";
import type { Gateway, GatewayList } from "./wire";
import { t } from "./words";

const nameOf = (one: Gateway) => one.name || one.known_by;
const listed = (addresses: string[], more: string) => addresses.join(", ") + (Number(more) > 0 ? " …" : "");

const traitWords: Record<string, () => string> = {
  "client-sequence": () => t("the client's sequence numbers"), "server-sequence": () => t("the server's sequence numbers"), timestamps: () => t("timestamps"), toa: () => "TOA",
  "ip-id": () => "IP-ID", "client-port": () => t("the client's port"), mss: () => "MSS", handshake: () => t("the handshake"), ttl: () => "TTL", kind: () => t("kind"),
};
const valueWords: Record<string, () => string> = {
  kept: () => t("kept"), shifted: () => t("shifted"), stripped: () => t("stripped"), added: () => t("added"), none: () => t("none"), passed: () => t("passed"), answered: () => t("answered"),
  changed: () => t("changed"), mixed: () => t("mixed"),
};
const traitWord = (name: string) => traitWords[name]?.() ?? name;
const valueWord = (value: string) => valueWords[value]?.() ?? value;

/** An event names what changed: a trait, or a delay by its direction. */
const eventWord = (what: string) => (what === "delay to_server" ? t("added delay to the server") : what === "delay to_client" ? t("added delay to the client") : traitWord(what));
const eventValue = (value: string) => (/^-?\d+ ns$/.test(value) ? duration(parseInt(value, 10)) : valueWord(value));

const plain = ["kept", "none", "passed"];

/** What it does to packets that others do not, in a few words. */
export const habits = (one: Gateway): string[] => one.traits.filter((trait) => trait.value && !plain.includes(trait.value) && !["kind", "ttl"].includes(trait.name)).map((trait) => `${traitWord(trait.name)} ${valueWord(trait.value)}`);

function Profile(props: { one: Gateway }) {
  const { one } = props;
  const { utc } = useSettings();
  const added = one.delays.find((delay) => delay.direction === "to_server");
  const packets = one.traffic.reduce((n, way) => n + Number(way.packets), 0), lost = one.traffic.reduce((n, way) => n + Number(way.lost), 0);
  const facts: [string, string][] = [
    ...one.traits.map((trait): [string, string] => [traitWord(trait.name), `${valueWord(trait.value) || t("too few to tell")}${trait.value === "mixed" ? ` (${trait.counts.map((c) => `${valueWord(c.value)} ${count(c.links)}`).join(", ")})` : ""}`]),
    [t("writes clients"), listed(one.pool, one.pool_more)], [t("services"), listed(one.services, one.services_more)], [t("backends"), listed(one.backends, one.backends_more)],
    [t("resets sent"), Number(one.resets) > 0 ? count(one.resets) : ""], [t("SYNs that went in and did not come out"), Number(one.syns_eaten) > 0 ? count(one.syns_eaten) : ""],
  ];
  return (
    <details class="profile">
      <summary>
        <b>{nameOf(one)}</b> <span>{one.from_tap} → {one.to_tap}</span> <small>{t("{0} connections", count(one.links))}
          {added && ` · ${t("adds {0} ±{1}, p99 {2}", duration(Number(added.p50_ns)), duration(Number(added.error_ns)), duration(Number(added.p99_ns)))}`}
          {packets > 0 && ` · ${t("lost {0} of {1} packets", lost ? percent(lost / packets) : "0", count(packets))}`}</small>
        {one.events.length > 0 && <b class="warn"> {t("{0} changes", one.events.length)}</b>}
      </summary>
      <dl class="facts">{facts.filter(([, value]) => value).map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={name + "v"}>{value}</dd>])}</dl>
      {one.events.length > 0 && <ul>{one.events.map((event) => <li key={event.time_ns + event.what}>{clock(event.time_ns, utc, 0, true)} · {eventWord(event.what)}: {eventValue(event.before)} → {eventValue(event.after)}</li>)}</ul>}
    </details>
  );
}

export function Profiles(props: { tick: number }) {
  const asked = useApi<GatewayList>(useMemo(() => apiAddress("gateways"), []), props.tick);
  return (
    <section aria-labelledby="profiles">
      <h2 id="profiles">{t("Learnt of each gateway")} <small>{t("since this control plane began, whatever time is shown above")}</small></h2>
      <Answer of={asked} empty={(list) => list.gateways.length === 0 && t("Nothing was learnt yet: no connection was linked across a gateway since this control plane began.")}>
        {(list) => <>{list.gateways.map((one) => <Profile key={one.gateway_id} one={one} />)}</>}
      </Answer>
    </section>
  );
}
