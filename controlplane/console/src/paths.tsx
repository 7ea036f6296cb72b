// SPDX-License-Identifier: Apache-2.0
// Paths and legs: the histogram, the facets, and the table with the addresses before and behind the gateways.
import { useEffect, useMemo, useState } from "preact/hooks";
import { apiAddress, ask, asking, rangeOf, useApi, type Asked } from "./api";
import { Chart, type Series } from "./chart";
import { FollowSwitch, useFollow } from "./follow";
import { useGatewayBook } from "./gateway_book";
import { Answer, Cut, Grade, Value } from "./parts";
import { changed, go, usePlace, view, type Query } from "./place";
import { useQuestion } from "./question";
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
const addedKnown = (path: Path) => path.links.some((link) => link.delays.some((one) => one.direction === "to_server"));
const reset = (path: Path) => path.legs.some((leg) => leg.end === "reset");

/** A condition on a duration that takes what is about as long: a tenth less to a tenth more. */
export function about(ns: number): string {
  const size = Math.abs(ns), [unit, scale] = size >= 1e9 ? (["s", 1e9] as const) : size >= 1e6 ? (["ms", 1e6] as const) : size >= 1e3 ? (["us", 1e3] as const) : (["ns", 1] as const);
  const digits = scale === 1 ? 1 : 100; // of ns there are no fractions
  const low = Math.floor(((ns - size / 10) / scale) * digits) / digits, high = Math.ceil(((ns + size / 10) / scale) * digits) / digits;
  return `${low}${unit}..${high}${unit}`;
}

interface Pages { asked: Asked<PathList>; more: () => void }

const narrowMax = 1760; // px: below it the server's side stands beneath the client's, so that no column is out of sight

function useNarrow(): boolean {
  const fits = () => innerWidth < narrowMax;
  const [narrow, setNarrow] = useState(fits);
  useEffect(() => {
    const update = () => setNarrow(fits());
    addEventListener("resize", update);
    return () => removeEventListener("resize", update);
  }, []);
  return narrow;
}

/** The parameter of the store's order; the newest come first without. */
const ordered = (odd: boolean): Query => (odd ? { abnormal_first: "1" } : {});

/** The first paths in the store's order, and further pages as they are scrolled to. */
function usePages(query: Query, odd: boolean, tick: number): Pages {
  const range = rangeOf(query);
  const key = `${range.since}|${range.until}|${query.filter ?? ""}|${odd}|${tick}`;
  const first = useMemo(() => apiAddress("paths", asking(range, query.filter, { limit: String(pageSize), ...ordered(odd) })), [key]);
  useQuestion(first);
  const asked = useApi<PathList>(first, tick);
  const [rest, setRest] = useState<{ of: string; paths: Path[]; next: string; partial: string; busy: boolean } | null>(null);
  const of = `${first}|${tick}`;
  useEffect(() => setRest(null), [of]);
  const own = rest?.of === of ? rest : null;
  const value = asked.value && {
    paths: own ? [...asked.value.paths, ...own.paths] : asked.value.paths,
    next: own ? own.next : asked.value.next,
    // As long as scrolling brings more, the strip above the table says how many of how many there are.
    partial: (own ? own.next : asked.value.next) && (own?.paths.length ?? 0) < heldMax - pageSize ? "" : own ? own.partial : asked.value.partial,
  };
  const more = () => {
    if (!value?.next || own?.busy || value.paths.length >= heldMax) return;
    const got = own?.paths ?? [];
    setRest({ of, paths: got, next: value.next, partial: value.partial, busy: true });
    ask<PathList>(first + "&cursor=" + encodeURIComponent(value.next)).then(
      (page) => setRest({ of, paths: [...got, ...page.paths], next: page.next, partial: page.partial, busy: false }),
      () => setRest({ of, paths: got, next: value.next, partial: t("the next page did not come"), busy: false }),
    );
  };
  return { asked: { ...asked, value }, more };
}

/** The path's page, or that of the one to compare it with. */
const openedFrom = (against: string) => (path: Path) => (against ? view("/path/" + against, { vs: path.path_id }) : view("/path/" + path.path_id));

function columns(filter: string, utc: boolean, narrow: boolean, opened: (path: Path) => string): Column<Path>[] {
  const cell = (field: string, value: string | number | undefined, title?: string) =>
    value !== undefined && value !== "" ? <Value field={field} value={String(value)} filter={filter} title={title} /> : <span class="muted">–</span>;
  const client: Column<Path> = { key: "client", name: t("Client"), width: "minmax(142px,1.1fr)", title: t("the client as its own side sees it: before every NAT"), sort: (p) => p.legs[0]?.client ?? "", cell: (p) => cell("path.client", p.legs[0]?.client) };
  const service: Column<Path> = { key: "service", name: t("speaks to"), width: "minmax(142px,1.1fr)", title: t("what the client speaks to: the VIP"), sort: (p) => p.legs[0]?.server ?? "", cell: (p) => cell("path.service", p.legs[0]?.server) };
  const seen: Column<Path> = { key: "seen", name: t("Seen by server"), width: "minmax(142px,1.1fr)", title: t("the client as the server sees it: behind every NAT"), sort: (p) => p.legs[p.legs.length - 1]?.client ?? "", cell: (p) => afterNat(p, "client", filter) };
  const server: Column<Path> = { key: "server", name: t("Server"), width: "minmax(142px,1.1fr)", title: t("who answers in the end: behind every NAT"), sort: (p) => p.legs[p.legs.length - 1]?.server ?? "", cell: (p) => afterNat(p, "server", filter) };
  return [
    { key: "time", name: t("Time"), width: "112px", title: t("of the first packet"), sort: (p) => p.first_ns, cell: (p) => <><a href={opened(p)}>{clock(p.first_ns, utc)}</a><Value field="path.id" value={p.path_id} filter={filter} label={t("path {0}", p.path_id)}>▾</Value></> },
    { key: "proto", name: t("Proto"), width: narrow ? "40px" : "48px", sort: (p) => p.proto, cell: (p) => cell("proto", p.proto) },
    ...(narrow ? [{ ...client, below: service }, { ...seen, below: server }] : [client, service, seen, server]),
    { key: "grade", name: t("Grade"), width: narrow ? "48px" : "54px", title: t("the weakest link's grade: A is best"), sort: (p) => weakest(p) || "E", cell: (p) => (weakest(p) ? <Value field="path.grade" value={weakest(p)} filter={filter} label={t("grade {0}", weakest(p))}><Grade grade={weakest(p)} /></Value> : <Grade grade="" />) },
    { key: "added", name: t("Added"), width: "70px", number: true, title: t("delay added by all hops together, towards the server: the mean of its packets"), sort: added, cell: (p) => (addedKnown(p) ? <Value field="path.delay" value={about(added(p))} filter={filter} title={addedWords(p)} copied={String(added(p))}>{duration(added(p))}</Value> : <span class="muted">–</span>) },
    { key: "again", name: t("Retr."), width: "46px", number: true, title: t("retransmissions at the tap that saw most"), sort: (p) => total(p).again, cell: (p) => (total(p).again ? <b class="warn">{cell("path.retransmissions", total(p).again)}</b> : cell("path.retransmissions", 0)) },
    { key: "end", name: t("End"), width: "58px", title: t("how its legs ended"), sort: (p) => p.legs[0]?.end ?? "", cell: (p) => (reset(p) ? <b class="bad">{resetCell(p, filter)}</b> : cell("leg.end", p.legs[0]?.end)) },
    { key: "kinds", name: t("Kinds"), width: narrow ? "minmax(104px,0.8fr)" : "minmax(190px,1fr)", title: t("what the gateways between did"), cell: (p) => <span class="several">{kinds(p, filter)}</span> },
    { key: "hops", name: t("Hops"), width: "44px", number: true, sort: (p) => p.legs.length, cell: (p) => cell("path.hops", p.legs.length) },
    { key: "packets", name: t("Packets"), width: "64px", number: true, title: t("of the first leg that has any, both ways"), sort: (p) => total(p).packets, cell: (p) => <Value field="path.packets" value={String(total(p).packets)} filter={filter}>{count(total(p).packets)}</Value> },
    { key: "lasted", name: t("Lasted"), width: "68px", number: true, title: t("from the first packet to the last, at any tap"), sort: (p) => between(p.first_ns, p.last_ns), cell: (p) => <Value field="path.lasted" value={about(between(p.first_ns, p.last_ns))} filter={filter} copied={String(between(p.first_ns, p.last_ns))}>{duration(between(p.first_ns, p.last_ns))}</Value> },
    { key: "process", name: t("Process"), width: "minmax(72px,0.7fr)", title: t("at the client's and at the server's end"), cell: (p) => <span class="several">{p.legs.filter((leg) => leg.process).map((leg) => <Value key={leg.leg_id} field="process" value={leg.process} filter={filter} />)}</span> },
  ];
}

/** Who sent it, where that is known, is what its menu asks for. */
function resetCell(path: Path, filter: string) {
  const by = path.resets?.[0]?.by;
  return by ? <Value field="path.reset_by" value={by} filter={filter} title={t("reset by: {0}", by)}>reset</Value> : <Value field="leg.end" value="reset" filter={filter} />;
}

/** How many packets the figure is of, and how far off it may be. */
function addedWords(path: Path): string {
  const known = path.links.flatMap((link) => link.delays.filter((one) => one.direction === "to_server"));
  const error = known.reduce((sum, one) => sum + Number(one.error_ns), 0), least = Math.min(...known.map((one) => one.samples));
  return t("±{0} over {1} of {2} hops, each of {3} packets at least", duration(error), known.length, path.links.length, least);
}

function afterNat(path: Path, end: "client" | "server", filter: string) {
  const last = path.legs[path.legs.length - 1];
  if (!last) return null;
  const other = last[end] !== path.legs[0][end];
  const field = end === "server" ? "path.server" : "ip.src";
  const value = end === "server" ? last.server : last.client.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return <span class={other ? "changed" : "same"}><Value field={field} value={value} filter={filter}><Cut text={last[end]} /></Value></span>;
}

function kinds(path: Path, filter: string) {
  if (path.unlinked !== "linked") return <Value field="path.unlinked" value={path.unlinked} filter={filter} title={t("a single leg: why it stands alone")} />;
  const named = [...new Set(path.links.map((link) => link.kind))].filter((kind) => kind !== "forward");
  return (named.length ? named : ["forward"]).map((kind) => <Value key={kind} field="link.kind" value={kind} filter={filter} />);
}

/** A count and, where one path in so many was counted, twice its standard error. */
function Counted(props: { paths: string; oneIn: number }) {
  if (props.oneIn <= 1) return <span class="number" title={t("{0} paths", props.paths)}>{count(props.paths)}</span>;
  const error = Math.ceil(2 * Math.sqrt(Number(props.paths) * (props.oneIn - 1)));
  return <span class="number" title={t("estimated: one path in {0} was counted; ± {1} in 95 of 100 cases", String(props.oneIn), count(error))}>≈ {count(props.paths)}</span>;
}

function Facets(props: { asked: Asked<FacetList>; filter: string }) {
  const book = useGatewayBook();
  return (
    <aside class="facets" aria-label={t("Facets")} tabIndex={0}>
      <Answer of={props.asked} empty={(list) => Number(list.paths) === 0 && t("nothing to count")}>
        {(list) => list.facets.filter((facet) => facet.values.length > 0).map((facet) => (
          <section key={facet.field}>
            <h3>{facet.field}</h3>
            {facet.values.map((one) => (
              <div key={one.value} class="facet">
                <Value field={facet.field} value={one.value} filter={props.filter}>{facet.field === "gw.instance" && book.name(one.value) !== one.value ? book.name(one.value) : undefined}</Value>
                <Counted paths={one.paths} oneIn={list.one_in} />
                <meter min={0} max={Number(list.paths)} value={Number(one.paths)} aria-label={one.value} />
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

export function Paths() {
  const { query } = usePlace();
  const { utc } = useSettings();
  const filter = query.filter ?? "";
  const following = useFollow(5, false), { tick } = following;
  const narrow = useNarrow();
  const range = rangeOf(query);
  const key = `${range.since}|${range.until}|${filter}|${tick}`;
  const odd = query.first !== "newest", sort = query.sort ?? "";
  const { asked, more } = usePages(query, odd, tick);
  const all = query.exact === "1", counting: Query = all ? { exact: "1" } : {};
  const facets = useApi<FacetList>(useMemo(() => apiAddress("facets", asking(range, filter, { limit: "8", buckets: "120", ...counting })), [key, all]), tick);
  const histogram: Asked<Histogram> = { ...facets, value: facets.value?.histogram };
  const series = useMemo(() => (histogram.value ? histogramSeries(histogram.value) : []), [histogram.value]);
  const rows = asked.value?.paths ?? [];
  // "One path that shows it": the worst of those that the filter finds takes this view's place.
  const first = query.open === "first" ? rows[0]?.path_id : undefined;
  useEffect(() => {
    if (first) go(view("/path/" + first), true);
  }, [first]);
  const against = query.vs ?? "", opened = useMemo(() => openedFrom(against), [against, range.since, range.until, filter]);
  const table = useMemo(() => columns(filter, utc, narrow, opened), [filter, utc, narrow, opened, t("Time")]);
  return (
    <div class="split">
      <Facets asked={facets} filter={filter} />
      <section class="fill" aria-label={t("Paths")}>
        <h1 class="hidden">{t("Paths")}</h1>
        <Answer of={histogram}>
          {(value) => <Chart sinceNs={value.since_ns} stepNs={value.step_ns} series={series} brush height={128} label={t("Paths over time; drag to choose a time")} />}
        </Answer>
        {against && <p class="note" role="status">{t("Open the path to compare with {0}.", against)} <a href={view("/path/" + against)}>{t("Back to it")}</a></p>}
        <div class="strip">
          <span class="muted">{asked.value ? t("{0} of {1} paths", count(asked.value.paths.length), facets.value ? (facets.value.one_in > 1 ? "≈ " : "") + count(facets.value.paths) : "…") : ""}{asked.value?.next ? ` · ${t("scroll for more")}` : ""}</span>
          <label title={t("of all paths of the time the worst first: losses, resets of open connections, retransmissions, delay; without, the newest")}><input type="checkbox" checked={odd} onChange={() => go(changed({ first: odd ? "newest" : "" }), true)} />{t("abnormal first")}</label>
          <FollowSwitch of={following} />
          {(facets.value?.one_in ?? 0) > 1 && <button onClick={() => go(changed({ exact: "1" }), true)}>{t("Count every path")}</button>}
          {filter && <button onClick={() => go(changed({ filter: "" }))}>{t("Clear the filter")}</button>}
          <a href={apiAddress("paths", asking(range, filter, { limit: "10000", ...ordered(odd) }))} download="paths.json">JSON</a>
          <a href={view("/compare")}>{t("compare with another time")}</a>
        </div>
        <Answer of={asked} empty={(list) => list.paths.length === 0 && (filter ? t("No path of this time matches the filter.") : t("No path in this time. Trust shows whether the taps get packets."))}>
          {() => <Table key={narrow ? "narrow" : "wide"} rows={rows} columns={table} sort={sort} onSort={(to) => go(changed({ sort: to }), true)} label={t("Paths")} id={(path) => path.path_id} open={(path) => go(opened(path))} nearEnd={more} />}
        </Answer>
      </section>
    </div>
  );
}
