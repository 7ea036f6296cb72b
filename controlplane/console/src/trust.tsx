// SPDX-License-Identifier: Apache-2.0
// Can this be trusted: who sees what, what was dropped and where, why legs stand alone, how well the clocks are known.
import { useMemo, useState } from "preact/hooks";
import { Agents } from "./agents";
import { apiAddress, asking, rangeOf, useApi, useLive, type Live } from "./api";
import { Chart, tones, type Series } from "./chart";
import { linesOf, lossy } from "./counters";
import { FollowSwitch, useFollow } from "./follow";
import { Horizons } from "./horizons";
import { Answer } from "./parts";
import { usePlace, view } from "./place";
import { useQuestion } from "./question";
import { useSettings } from "./settings";
import { Taps } from "./taps";
import { clock, count, duration, finely } from "./time";
import type { ClockList, ClockPair, Histogram, Observer } from "./wire";
import { t } from "./words";

function Observers(props: { observers: Observer[] }) {
  const { utc } = useSettings();
  if (!props.observers.length) return <p class="note">{t("No observer has connected since this control plane started: start clew-sensor or clew-agent with control.endpoint set to it.")}</p>;
  return (
    <table class="plain-table">
      <thead><tr>{[t("Observer"), t("kind"), t("state"), t("heard"), t("started"), t("taps"), t("version")].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
      <tbody>
        {props.observers.map((one) => (
          <tr key={one.name}>
            <th scope="row">{one.name}</th><td>{one.kind === "agent" ? t("agent") : one.kind === "sensor" ? t("sensor") : one.kind}</td>
            <td>{one.connected ? <b class="good">● {t("connected")}</b> : <b class="bad">○ {t("away")}</b>}</td>
            <td>{clock(one.heard_ns, utc, 0)}</td><td>{clock(one.started_ns, utc, 0, true)}</td>
            <td class="chips">{one.taps.map((tap) => <a key={tap} class="chip" href={view("/paths", { filter: `tap == "${tap}"` })}>{tap}</a>)}</td><td>{one.program_version}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Counters(props: { live: Live }) {
  const [all, setAll] = useState(false);
  const { utc } = useSettings();
  const lines = linesOf(props.live);
  const shown = lines.filter((line) => all || Number(line.counter.value) > 0);
  return (
    <>
      <label class="strip"><input type="checkbox" checked={all} onChange={() => setAll(!all)} />{t("also those that are zero ({0})", lines.length - lines.filter((l) => Number(l.counter.value) > 0).length)}</label>
      <table class="plain-table counters">
        <thead><tr><th scope="col">{t("counter")}</th><th scope="col">{t("of")}</th><th scope="col" class="number">{t("value")}</th><th scope="col" class="number" title={t("in the last second")}>{t("a second")}</th><th scope="col">{t("meaning")}</th></tr></thead>
        <tbody>
          {shown.map((line) => (
            <tr key={line.owner + line.counter.name + line.counter.tap} class={lossy.test(line.counter.name) && Number(line.counter.value) > 0 ? "lossy" : ""}>
              <th scope="row">{line.counter.name}</th><td>{[line.owner || "clew-control", line.counter.tap].filter(Boolean).join(" · ")}</td>
              <td class="number" title={line.counter.value}>{Number(line.counter.value) && line.counter.name.endsWith("_ns") ? clock(line.counter.value, utc, 0, true) : count(line.counter.value)}</td><td class="number">{line.perSecond ? count(Math.round(line.perSecond)) : ""}</td><td>{line.counter.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function stacked(h: Histogram): Series[] {
  const own = h.series.length > tones.length ? tones.length - 1 : h.series.length; // the rest is one line
  const lines: Series[] = h.series.slice(0, own).map((one, i) => ({ label: one.value, values: one.counts.map(Number), tone: tones[i] }));
  const rest = h.series.slice(own);
  if (rest.length) lines.push({ label: t("{0} others together", rest.length), tone: tones[own], values: h.buckets.map((_, i) => rest.reduce((sum, one) => sum + Number(one.counts[i]), 0)) });
  return lines;
}

function linkRate(h: Histogram): Series[] {
  return [{ label: t("linked share"), tone: "good", fill: true, values: h.buckets.map((b) => (Number(b.paths) ? 1 - Number(b.unlinked) / Number(b.paths) : null)) }];
}

/** The offset of one clock to another, and between which bounds it is. */
function Pair(props: { list: ClockList; pair: ClockPair }) {
  const { list, pair } = props;
  const series = useMemo((): Series[] => {
    const offsets = pair.offsets_ns.map((offset, i) => (pair.errors_ns[i] && pair.errors_ns[i] !== "0" ? Number(offset) : null));
    const bound = (way: number) => offsets.map((offset, i) => (offset === null ? null : offset + way * Number(pair.errors_ns[i])));
    return [
      { label: t("offset"), tone: "c1", values: offsets }, { label: t("upper bound"), tone: "muted", dash: true, values: bound(1) }, { label: t("lower bound"), tone: "muted", dash: true, values: bound(-1) },
    ];
  }, [pair, t("offset")]);
  return (
    <section>
      <h3>{pair.from} – {pair.to} <small>{duration(Number(pair.offset_ns))} ±{duration(Number(pair.error_ns))} · {t("{0} paths", count(pair.paths))}</small></h3>
      {pair.offsets_ns.length > 0 && <Chart sinceNs={list.since_ns} stepNs={list.step_ns} series={series} height={150} fit band={[1, 2]} format={finely} label={t("Offset of {0} to {1} over time", pair.from, pair.to)} />}
    </section>
  );
}

const Clocks = (props: { list: ClockList }) => <>{props.list.pairs.map((pair) => <Pair key={pair.from + pair.to} list={props.list} pair={pair} />)}</>;

export function Trust() {
  const { query } = usePlace();
  const live = useLive();
  const range = rangeOf(query), filter = query.filter ?? "";
  const following = useFollow(20), { tick } = following;
  const key = `${range.since}|${range.until}|${filter}|${tick}`;
  useQuestion(apiAddress("status"));
  const reasons = useApi<Histogram>(useMemo(() => apiAddress("histogram", asking(range, filter, { buckets: "60", by: "path.unlinked" })), [key]), tick);
  const clocks = useApi<ClockList>(useMemo(() => apiAddress("clocks", asking(range, filter, { buckets: "60" })), [key]), tick);
  const why = useMemo(() => (reasons.value ? stacked(reasons.value) : []), [reasons.value]);
  const share = useMemo(() => (reasons.value ? linkRate(reasons.value) : []), [reasons.value]);
  const waiting = !live.status && (live.connected ? t("Loading…") : t("clew-control does not answer"));
  return (
    <div class="page">
      <h1 class="hidden">{t("Trust")}</h1>
      <section aria-labelledby="observers"><h2 id="observers">{t("Sensors and agents")} <small>{live.status && `clew-control ${live.status.version}`}</small></h2>
        {waiting ? <p class="note">{waiting}</p> : <Observers observers={live.status!.observers} />}</section>
      <section aria-labelledby="taps"><h2 id="taps">{t("Taps")}</h2>
        {waiting ? <p class="note">{waiting}</p> : <Taps live={live} />}</section>
      <section aria-labelledby="agents"><h2 id="agents">{t("Agents")}</h2>
        {waiting ? <p class="note">{waiting}</p> : <Agents live={live} />}</section>
      <div class="columns">
        <section aria-labelledby="share"><FollowSwitch of={following} class="right" /><h2 id="share">{t("Link rate")}</h2>
          <Answer of={reasons}>{(h) => <Chart sinceNs={h.since_ns} stepNs={h.step_ns} series={share} height={170} label={t("Share of paths that are linked, over time")} format={(v) => `${Math.round(v * 100)} %`} />}</Answer></section>
        <section aria-labelledby="why"><h2 id="why">{t("Linked, and why not")}</h2>
          <Answer of={reasons} empty={(h) => h.series.length === 0 && t("No path in this time. Trust shows whether the taps get packets.")}>{(h) => <Chart sinceNs={h.since_ns} stepNs={h.step_ns} series={why} height={170} label={t("Reasons over time")} />}</Answer></section>
      </div>
      <section aria-labelledby="clocks"><h2 id="clocks">{t("Clocks")}</h2>
        <Answer of={clocks} empty={(list) => list.pairs.length === 0 && t("No path of this time crossed from one clock to another: every delay is of one clock.")}>{(list) => <Clocks list={list} />}</Answer></section>
      <section aria-labelledby="horizons"><h2 id="horizons">{t("How far back")}</h2>
        {waiting ? <p class="note">{waiting}</p> : <Horizons status={live.status!} />}</section>
      <section aria-labelledby="counters"><h2 id="counters">{t("Counters")} <a class="right" href="/metrics">OpenMetrics</a></h2>
        {waiting ? <p class="note">{waiting}</p> : <Counters live={live} />}</section>
      <p class="muted"><a href="/licences.txt">{t("Licences of what the console is made of")}</a> · <a href="/api/v1/openapi.json">OpenAPI</a></p>
    </div>
  );
}
