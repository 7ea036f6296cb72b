// SPDX-License-Identifier: Apache-2.0
// What is out of line now, worst first, each with one click to a path that shows it; else what runs: services, gateways.
import { useMemo } from "preact/hooks";
import { apiAddress, asking, rangeOf, useApi, type Range } from "./api";
import { senders } from "./fates";
import { FollowSwitch, useFollow } from "./follow";
import { useGatewayBook } from "./gateway_book";
import { Answer, Sparkline } from "./parts";
import { address, usePlace, view, type Query } from "./place";
import { useQuestion } from "./question";
import { Search } from "./shell";
import { useSettings } from "./settings";
import { bytes, clock, count, duration, percent } from "./time";
import type { GatewayGroupList, Incident, IncidentList, ServiceList } from "./wire";
import { t } from "./words";

const kinds: Record<string, () => string> = {
  "instance-delay": () => t("slow instance"), "instance-loss": () => t("instance loses packets"), "instance-resets": () => t("instance resets"),
  "instance-retransmissions": () => t("instance with retransmissions"), "segment-delay": () => t("delay grew"), "segment-loss": () => t("loss grew"), "capture-gap": () => t("capture gaps"), unlinked: () => t("unlinked surge"), resets: () => t("resets"),
  "reset-sender": () => t("who resets"), retransmissions: () => t("retransmissions"), observer: () => t("observer away"), clock: () => t("clock trouble"),
};

/** The incident in the reader's language; the API's own sentence is English. */
function told(one: Incident, name: (instance: string) => string): string {
  const { where } = one, subject = name(one.subject);
  switch (one.kind) {
    case "instance-delay": return t("{0}: instance {1} adds {2} (median, ±{3}), its peers {4}", where, subject, duration(one.value), duration(one.error), duration(one.usual));
    case "instance-loss": return t("{0}: of the packets to instance {1}, {2} were not seen behind it (lost, or not captured), of its peers' {3}", where, subject, percent(one.value), percent(one.usual));
    case "instance-resets": return t("{0}: of the paths over instance {1}, {2} ended by a reset, of its peers' {3}", where, subject, percent(one.value), percent(one.usual));
    case "instance-retransmissions": return t("{0}: of the paths over instance {1}, {2} saw retransmissions, of its peers' {3}", where, subject, percent(one.value), percent(one.usual));
    case "segment-loss": return t("{0}: {1} of the packets were lost on the wire in the last quarter of the time, {2} before", where, percent(one.value), percent(one.usual));
    case "capture-gap": return t("{0}: {1} of the packets passed and were not captured in the last quarter of the time, {2} before", where, percent(one.value), percent(one.usual));
    case "segment-delay": return t("{0}: {1} added in the last quarter of the time, {2} before", where, duration(one.value), duration(one.usual));
    case "unlinked": return t("{0} of what was seen is not linked to anything; before it was {1}", percent(one.value), percent(one.usual));
    case "resets": return t("{0} of the paths ended by a reset; before it was {1}", percent(one.value), percent(one.usual));
    case "reset-sender": return t("{0} of the paths were reset by {1}; before it was {2}", percent(one.value), senders[one.subject]?.() ?? one.subject, percent(one.usual));
    case "retransmissions": return t("{0} of the paths saw retransmissions; before it was {1}", percent(one.value), percent(one.usual));
    case "observer": return t("{0} is not connected: nothing is seen at {1}", subject, where || t("its taps"));
    case "clock": return t("the clocks {0} are known to ±{1} only: delays between them say little", subject, duration(one.value));
    default: return one.sentence;
  }
}

/** The incident's own time, so that its paths are found later too. */
const paths = (one: Incident, range: Range, filter: string, more: Query = {}) =>
  address("/paths", { ...more, since: range.since, until: range.until, filter: [filter, one.filter].filter(Boolean).join(" and ") });

function Incidents(props: { list: IncidentList; range: Range; filter: string }) {
  const book = useGatewayBook();
  const { utc } = useSettings();
  return (
    <ul class="incidents">
      {props.list.incidents.map((one) => (
        <li key={one.kind + one.subject} class={one.kind}>
          <span class="what"><b>{kinds[one.kind]?.() ?? one.kind}</b><small>{t("since {0}", clock(one.since_ns, utc, 0))}{Number(one.paths) > 0 && ` · ${t("{0} paths", count(one.paths))}`}</small></span>
          <span class="words">{told(one, book.name)}</span>
          {one.points.length > 1 ? <Sparkline points={one.points} tone="bad" label={t("over the time shown")} /> : <span />}
          <span class="ways">
            {one.path_id && <a class="button" href={view("/path/" + one.path_id)}>{t("A path that shows it")}</a>}
            {!one.path_id && one.filter && <a class="button" href={paths(one, props.range, props.filter, { open: "first" })}>{t("A path that shows it")}</a>}
            {one.filter && <a class="button" href={paths(one, props.range, props.filter)}>{t("Its paths")}</a>}
            {(one.kind === "observer" || one.kind === "clock") && <a class="button" href={view("/trust")}>{t("Trust")}</a>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Services(props: { list: ServiceList }) {
  const share = (of: (one: ServiceList["services"][0]) => string) => props.list.services.reduce((n, s) => n + Number(of(s)), 0) / Math.max(1, props.list.services.reduce((n, s) => n + Number(s.paths), 0));
  const odd = (part: string, whole: string, usual: number) => Number(part) / Number(whole) > Math.max(0.02, usual * 2);
  const peak = Math.max(1, ...props.list.services.map((one) => Number(one.paths)));
  return (
    <table class="plain-table">
      <thead><tr><th scope="col">{t("Service")}</th><th scope="col" class="number">{t("paths")}</th><th scope="col">{t("over time")}</th><th scope="col" class="number" title={t("different client addresses")}>{t("clients")}</th><th scope="col" class="number" title={t("of the first leg that has any, both ways")}>{t("bytes")}</th><th scope="col" class="number" title={t("share of paths with a reset")}>{t("reset")}</th><th scope="col" class="number" title={t("share of paths with retransmissions")}>{t("retr.")}</th></tr></thead>
      <tbody>
        {props.list.services.map((one) => (
          <tr key={one.service + one.proto}>
            <td><a href={view("/paths", { filter: `path.service == ${one.service} and proto == ${one.proto}` })}>{one.service}</a> <small>{one.proto}</small></td>
            <td class="number" title={one.paths}><meter min={0} max={peak} value={Number(one.paths)} aria-label={t("paths")} /><span class="figure">{count(one.paths)}</span></td>
            <td><Sparkline points={one.counts.map(Number)} label={t("paths over time")} /></td>
            <td class="number" title={one.clients}>{count(one.clients)}</td><td class="number" title={`${one.bytes} B`}>{bytes(one.bytes)}</td>
            <td class={odd(one.resets, one.paths, share((s) => s.resets)) ? "number bad" : "number"} title={t("{0} of {1} paths", one.resets, one.paths)}>{percent(Number(one.resets) / Number(one.paths))}</td>
            <td class={odd(one.retransmitting, one.paths, share((s) => s.retransmitting)) ? "number warn" : "number"} title={t("{0} of {1} paths", one.retransmitting, one.paths)}>{percent(Number(one.retransmitting) / Number(one.paths))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function TopGateways(props: { list: GatewayGroupList }) {
  return (
    <table class="plain-table">
      <thead><tr><th scope="col">{t("Group")}</th><th scope="col" class="number">{t("instances")}</th><th scope="col" class="number">{t("paths")}</th><th scope="col" class="number" title={t("median of the paths' added delay, with the largest ± among them")}>{t("added p50")}</th><th scope="col" class="number" title={t("99 of 100 paths are below")}>p99</th></tr></thead>
      <tbody>
        {props.list.groups.map((one) => (
          <tr key={one.kind + one.from_tap + one.to_tap}>
            <td><a href={view("/gateways", { group: `${one.kind}|${one.from_tap}|${one.to_tap}` })}>{one.kind} {one.from_tap} → {one.to_tap}</a></td>
            <td class="number">{one.instances.length}</td><td class="number" title={one.paths}>{count(one.paths)}</td>
            <td class="number" title={t("of {0} paths whose delay is known", one.delay?.paths ?? "0")}>{Number(one.delay?.paths ?? 0) ? <>{duration(Number(one.delay!.p50_ns))} <small>±{duration(Number(one.delay!.error_ns))}</small></> : "–"}</td>
            <td class="number">{Number(one.delay?.paths ?? 0) ? duration(Number(one.delay!.p99_ns)) : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Home() {
  const { query } = usePlace();
  const range = rangeOf(query), filter = query.filter ?? "";
  const following = useFollow(10), { tick } = following;
  const key = `${range.since}|${range.until}|${filter}|${tick}`;
  const question = (what: string, more: Record<string, string>) => useMemo(() => apiAddress(what, asking(range, filter, more)), [key]);
  const first = question("incidents", { buckets: "60" });
  useQuestion(first);
  const incidents = useApi<IncidentList>(first, tick);
  const services = useApi<ServiceList>(question("services", { buckets: "60", limit: "12" }), tick);
  const gateways = useApi<GatewayGroupList>(question("gateway_groups", { buckets: "0", limit: "100" }), tick);
  return (
    <div class="page">
      <h1 class="hidden">{t("Home")}</h1>
      <div class="hero"><Search wide /></div>
      <section aria-labelledby="out">
        <FollowSwitch of={following} class="right" />
        <h2 id="out">{t("Out of line now")}</h2>
        <Answer of={incidents} empty={(list) => list.incidents.length === 0 && t("All is well: no instance stands out against its peers, no delay, loss, reset or unlinked share grew, every observer is here.")}>
          {(list) => <Incidents list={list} range={range} filter={filter} />}
        </Answer>
      </section>
      <div class="columns">
        <section aria-labelledby="services">
          <h2 id="services">{t("Top services")}</h2>
          <Answer of={services} top empty={(list) => list.services.length === 0 && t("No path in this time. Trust shows whether the taps get packets.")}>{(list) => <Services list={list} />}</Answer>
        </section>
        <section aria-labelledby="gateways">
          <h2 id="gateways">{t("Gateways")}</h2>
          <Answer of={gateways} empty={(list) => list.groups.length === 0 && t("No gateway was crossed in this time.")}>{(list) => <TopGateways list={list} />}</Answer>
        </section>
      </div>
    </div>
  );
}
