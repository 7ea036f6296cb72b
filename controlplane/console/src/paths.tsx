// SPDX-License-Identifier: Apache-2.0
// Paths and legs: the histogram, the facets, and the table with the addresses before and behind the gateways.
import { useEffect, useMemo, useState } from "preact/hooks";
import { apiAddress, ask, asking, rangeOf, useApi, type Asked } from "./api";
import { Chart, type Series } from "./chart";
import { Answer, Grade, Value } from "./parts";
import { changed, go, usePlace, view, type Query } from "./place";
import { useSettings } from "./settings";
import { Table, type Column } from "./table";
import { between, clock, count, duration } from "./time";
import type { FacetList, Histogram, Path, PathList } from "./wire";
import { t } from "./words";

const pageSize = 200;
const heldMax = 10000; // rows kept in the page; more are reached by the time or the filter

export const onWire = (path: Path) => path.legs.filter((leg) => leg.observer !== "socket");
export const total = (path: Path) => {
  const carried = path.legs.filter((one) => Number(one.to_server?.packets ?? 0) + Number(one.to_client?.packets ?? 0) > 0);
  const leg = carried.find((one) => one.observer !== "socket") ?? carried[0];
  return {
    packets: Number(leg?.to_server?.packets ?? 0) + Number(leg?.to_client?.packets ?? 0),
    again: Math.max(0, ...path.legs.map((one) => (one.to_server?.retransmissions ?? 0) + (one.to_client?.retransmissions ?? 0))),
  };
};
export const weakest = (path: Path) => path.links.map((link) => link.grade).sort().pop() ?? "";
export const added = (path: Path) =>
  path.links.reduce((sum, link) => sum + Number(link.delays.find((one) => one.direction === "to_server")?.mean_ns ?? 0), 0);
const reset = (path: Path) => path.legs.some((leg) => leg.end === "reset");
/** How far out of line: the order of "abnormal first". */
export const oddness = (path: Path) => (reset(path) ? 4 : 0) + (path.unlinked !== "linked" ? 2 : 0) + Math.min(3, total(path).again);

interface Pages { asked: Asked<PathList>; more: () => void }

/** The newest paths, and further pages as they are scrolled to. */
function usePages(query: Query, tick: number): Pages {
  const range = rangeOf(query);
  const key = `${range.since}|${range.until}|${query.filter ?? ""}|${tick}`;
  const first = useMemo(() => apiAddress("paths", asking(range, query.filter, { limit: String(pageSize) })), [key]);
  const asked = useApi<PathList>(first);
  const [rest, setRest] = useState<{ of: string; paths: Path[]; next: string; partial: string; busy: boolean } | null>(null);
  useEffect(() => setRest(null), [first]);
  const own = rest?.of === first ? rest : null;
  const value = asked.value && {
    paths: own ? [...asked.value.paths, ...own.paths] : asked.value.paths,
    next: own ? own.next : asked.value.next,
    // As long as scrolling brings more, the strip above the table says how many of how many there are.
    partial: (own ? own.next : asked.value.next) && (own?.paths.length ?? 0) < heldMax - pageSize ? "" : own ? own.partial : asked.value.partial,
  };
  const more = () => {
    if (!value?.next || own?.busy || value.paths.length >= heldMax) return;
    const got = own?.paths ?? [];
    setRest({ of: first, paths: got, next: value.next, partial: value.partial, busy: true });
    ask<PathList>(first + "&cursor=" + encodeURIComponent(value.next)).then(
      (page) => setRest({ of: first, paths: [...got, ...page.paths], next: page.next, partial: page.partial, busy: false }),
      () => setRest({ of: first, paths: got, next: value.next, partial: t("the next page did not come"), busy: false }),
    );
  };
  return { asked: { ...asked, value }, more };
}

function columns(filter: string, utc: boolean): Column<Path>[] {
  const cell = (field: string, value: string | undefined, title?: string) =>
    value ? <Value field={field} value={value} filter={filter} title={title} /> : <span class="muted">–</span>;
  return [
    { name: t("Time"), width: "98px", title: t("of the first packet"), sort: (p) => p.first_ns, cell: (p) => <a href={view("/path/" + p.path_id)}>{clock(p.first_ns, utc)}</a> },
    { name: t("Proto"), width: "48px", sort: (p) => p.proto, cell: (p) => cell("proto", p.proto) },
    { name: t("Client"), width: "minmax(138px,1.1fr)", title: t("the client as its own side sees it: before every NAT"), sort: (p) => p.legs[0]?.client ?? "", cell: (p) => cell("path.client", p.legs[0]?.client) },
    { name: t("speaks to"), width: "minmax(138px,1.1fr)", title: t("what the client speaks to: the VIP"), sort: (p) => p.legs[0]?.server ?? "", cell: (p) => cell("path.service", p.legs[0]?.server) },
    { name: t("Seen by server"), width: "minmax(138px,1.1fr)", title: t("the client as the server sees it: behind every NAT"), sort: (p) => p.legs[p.legs.length - 1]?.client ?? "", cell: (p) => afterNat(p, "client", filter) },
    { name: t("Server"), width: "minmax(138px,1.1fr)", title: t("who answers in the end: behind every NAT"), sort: (p) => p.legs[p.legs.length - 1]?.server ?? "", cell: (p) => afterNat(p, "server", filter) },
    { name: t("Grade"), width: "54px", title: t("the weakest link's grade: A is best"), sort: (p) => weakest(p) || "E", cell: (p) => <Grade grade={weakest(p)} /> },
    { name: t("Added"), width: "78px", number: true, title: t("delay added by all hops together, towards the server: the mean of its packets"), sort: added, cell: (p) => (added(p) ? duration(added(p)) : "–") },
    { name: t("Retr."), width: "50px", number: true, title: t("retransmissions at the tap that saw most"), sort: (p) => total(p).again, cell: (p) => (total(p).again ? <b class="warn">{total(p).again}</b> : "0") },
    { name: t("End"), width: "62px", title: t("how its legs ended"), sort: (p) => p.legs[0]?.end ?? "", cell: (p) => (reset(p) ? <b class="bad">{cell("leg.end", "reset")}</b> : cell("leg.end", p.legs[0]?.end)) },
    { name: t("Kinds"), width: "minmax(140px,0.9fr)", title: t("what the gateways between did"), cell: (p) => kinds(p, filter) },
    { name: t("Hops"), width: "52px", number: true, sort: (p) => p.legs.length, cell: (p) => p.legs.length },
    { name: t("Packets"), width: "66px", number: true, title: t("of the first leg that has any, both ways"), sort: (p) => total(p).packets, cell: (p) => count(total(p).packets) },
    { name: t("Lasted"), width: "74px", number: true, sort: (p) => between(p.first_ns, p.last_ns), cell: (p) => duration(between(p.first_ns, p.last_ns)) },
    { name: t("Process"), width: "minmax(70px,0.7fr)", title: t("at the client's and at the server's end"), cell: (p) => p.legs.filter((leg) => leg.process).map((leg) => <Value key={leg.leg_id} field="process" value={leg.process} filter={filter} />) },
  ];
}

function afterNat(path: Path, end: "client" | "server", filter: string) {
  const last = path.legs[path.legs.length - 1];
  if (!last) return null;
  const other = last[end] !== path.legs[0][end];
  const field = end === "server" ? "path.server" : "ip.src";
  const value = end === "server" ? last.server : last.client.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return <span class={other ? "changed" : "same"}><Value field={field} value={value} filter={filter}>{last[end]}</Value></span>;
}

function kinds(path: Path, filter: string) {
  if (path.unlinked !== "linked") return <Value field="path.unlinked" value={path.unlinked} filter={filter} title={t("a single leg: why it stands alone")} />;
  const named = [...new Set(path.links.map((link) => link.kind))].filter((kind) => kind !== "forward");
  return (named.length ? named : ["forward"]).map((kind) => <Value key={kind} field="link.kind" value={kind} filter={filter} />);
}

/** A count and, where one path in so many was counted, twice its standard error. */
function Counted(props: { paths: string; oneIn: number }) {
  if (props.oneIn <= 1) return <span class="number">{count(props.paths)}</span>;
  const error = Math.ceil(2 * Math.sqrt(Number(props.paths) * (props.oneIn - 1)));
  return <span class="number" title={t("estimated: one path in {0} was counted; ± {1} in 95 of 100 cases", String(props.oneIn), count(error))}>≈ {count(props.paths)}</span>;
}

function Facets(props: { asked: Asked<FacetList>; filter: string }) {
  return (
    <aside class="facets" aria-label={t("Facets")} tabIndex={0}>
      <Answer of={props.asked} empty={(list) => Number(list.paths) === 0 && t("nothing to count")}>
        {(list) => list.facets.filter((facet) => facet.values.length > 0).map((facet) => (
          <section key={facet.field}>
            <h3>{facet.field}</h3>
            {facet.values.map((one) => (
              <div key={one.value} class={list.one_in > 1 ? "facet estimated" : "facet"}>
                <Value field={facet.field} value={one.value} filter={props.filter} />
                <meter min={0} max={Number(list.paths)} value={Number(one.paths)} aria-label={one.value} />
                <Counted paths={one.paths} oneIn={list.one_in} />
              </div>
            ))}
            {facet.more && <p class="muted more">{t("the {0} most frequent; there are more", String(facet.values.length))}</p>}
          </section>
        ))}
      </Answer>
    </aside>
  );
}

export function histogramSeries(h: Histogram): Series[] {
  const rest = h.buckets.map((b) => Number(b.paths));
  return [
    { label: t("paths"), values: rest, tone: "accent", bars: true },
    { label: t("unlinked"), values: h.buckets.map((b) => Number(b.unlinked)), tone: "muted", bars: true },
    { label: t("retransmitting"), values: h.buckets.map((b) => Number(b.retransmitting)), tone: "warn", bars: true },
    { label: t("reset"), values: h.buckets.map((b) => Number(b.resets)), tone: "bad", bars: true },
  ];
}

export function useTick(seconds: number): [number, (on: boolean) => void, boolean] {
  const [tick, setTick] = useState(0);
  const [on, setOn] = useState(false);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setTick((n) => n + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [on, seconds]);
  return [tick, setOn, on];
}

export function Paths() {
  const { query } = usePlace();
  const { utc } = useSettings();
  const filter = query.filter ?? "";
  const [tick, setLive, live] = useTick(5);
  const range = rangeOf(query);
  const key = `${range.since}|${range.until}|${filter}|${tick}`;
  const { asked, more } = usePages(query, tick);
  const [exactOf, setExactOf] = useState("");
  const all = exactOf === key, counting: Query = all ? { exact: "1" } : {};
  const histogram = useApi<Histogram>(useMemo(() => apiAddress("histogram", asking(range, filter, { buckets: "120", ...counting })), [key, all]));
  const facets = useApi<FacetList>(useMemo(() => apiAddress("facets", asking(range, filter, { limit: "8", ...counting })), [key, all]));
  const [odd, setOdd] = useState(true);
  const series = useMemo(() => (histogram.value ? histogramSeries(histogram.value) : []), [histogram.value]);
  const rows = useMemo(() => {
    const paths = asked.value?.paths ?? [];
    return odd ? paths.map((path) => ({ path, odd: oddness(path) })).sort((a, b) => b.odd - a.odd).map((one) => one.path) : paths;
  }, [asked.value?.paths.length, asked.value?.paths[0], odd]);
  const table = useMemo(() => columns(filter, utc), [filter, utc, t("Time")]);
  return (
    <div class="split">
      <Facets asked={facets} filter={filter} />
      <section class="fill" aria-label={t("Paths")}>
        <h1 class="hidden">{t("Paths")}</h1>
        <Answer of={histogram}>
          {(value) => <Chart sinceNs={value.since_ns} stepNs={value.step_ns} series={series} brush height={128} label={t("Paths over time; drag to choose a time")} />}
        </Answer>
        <div class="strip">
          <span class="muted">{asked.value ? t("{0} of {1} paths", count(asked.value.paths.length), facets.value ? (facets.value.one_in > 1 ? "≈ " : "") + count(facets.value.paths) : "…") : ""}{asked.value?.next ? ` · ${t("scroll for more")}` : ""}</span>
          <label><input type="checkbox" checked={odd} onChange={() => setOdd(!odd)} />{t("abnormal first")}</label>
          <label><input type="checkbox" checked={live} onChange={() => setLive(!live)} />{t("follow")}</label>
          {(facets.value?.one_in ?? 0) > 1 && <button onClick={() => setExactOf(key)}>{t("Count every path")}</button>}
          {filter && <button onClick={() => go(changed({ filter: "" }))}>{t("Clear the filter")}</button>}
          <a href={apiAddress("paths", asking(range, filter, { limit: "10000" }))} download="paths.json">JSON</a>
          <a href={view("/compare")}>{t("compare with another time")}</a>
        </div>
        <Answer of={asked} empty={(list) => list.paths.length === 0 && (filter ? t("No path of this time matches the filter.") : t("No path in this time. Trust shows whether the taps get packets."))}>
          {() => <Table rows={rows} columns={table} label={t("Paths")} id={(path) => path.path_id} open={(path) => go(view("/path/" + path.path_id))} nearEnd={more} />}
        </Answer>
      </section>
    </div>
  );
}
