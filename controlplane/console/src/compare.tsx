// SPDX-License-Identifier: Apache-2.0
// Two times compared: all paths, each group of gateways and its instances, before and now side by side, and what changed.
import { useMemo } from "preact/hooks";
import { apiAddress, asking, rangeOf, useApi } from "./api";
import { useGatewayBook } from "./gateway_book";
import { Answer } from "./parts";
import { address, changed, go, usePlace, view, type Query } from "./place";
import { useQuestion } from "./question";
import { useSettings } from "./settings";
import { clock, count, duration, isRange, percent, plus, toNs } from "./time";
import type { ComparedFigures, ComparedTimes, TimeComparison } from "./wire";
import { t } from "./words";

const offsets: [string, () => string][] = [
  ["", () => t("the time just before")], ["1h", () => t("an hour before")], ["24h", () => t("a day before")], ["168h", () => t("a week before")],
];

/** Where the other time begins: so long before this one ("before=24h"), or ns; as long as this one before it when nothing is said. */
export function beforeNs(query: Query): string {
  const { sinceNs, untilNs } = rangeOf(query), before = query.before ?? "";
  if (/^\d+$/.test(before)) return before;
  const offset = isRange(before) ? -BigInt(toNs(before, 0)) : BigInt(untilNs) - BigInt(sinceNs);
  return String(BigInt(sinceNs) - offset);
}

const groupOf = (row: ComparedTimes) => `${row.kind}|${row.from_tap}|${row.to_tap}`;
const filterOf = (row: ComparedTimes) =>
  row.instance ? `gw.instance == "${row.instance}" and link.kind == ${row.kind}` : row.kind ? `link.kind == ${row.kind} and tap == "${row.to_tap}"` : "";

type Figure = { name: string; head: () => string; title: () => string; of: (figures: ComparedFigures) => number | undefined; text: (value: number) => string; error?: (figures: ComparedFigures) => number };

const known = (one: ComparedFigures) => Number(one.delay?.paths ?? 0) > 0;
const part = (some: string, of: string) => (Number(of) ? Number(some) / Number(of) : undefined);
const figures: Figure[] = [
  { name: "paths", head: () => t("paths"), title: () => t("how many; more or fewer is neither good nor bad"), of: (one) => Number(one.paths), text: count },
  { name: "delay_p50", head: () => t("added p50"), title: () => t("delay added towards the server: median over paths of their mean"), of: (one) => (known(one) ? Number(one.delay!.p50_ns) : undefined), text: duration, error: (one) => Number(one.delay!.error_ns) },
  { name: "delay_p99", head: () => "p99", title: () => t("99 of 100 paths are below"), of: (one) => (known(one) ? Number(one.delay!.p99_ns) : undefined), text: duration },
  { name: "packets_missing", head: () => t("missing"), title: () => t("packets seen before it and not behind"), of: (one) => part(one.packets_missing, one.packets_before), text: percent },
  { name: "lost", head: () => t("✕ lost"), title: () => t("lost on the wire between the two taps and sent again, both directions"), of: (one) => (Number(one.packets_before) ? Number(one.lost) : undefined), text: count },
  { name: "retransmitting", head: () => t("retr."), title: () => t("share of paths with retransmissions"), of: (one) => part(one.retransmitting, one.paths), text: percent },
  { name: "resets", head: () => t("reset"), title: () => t("share of paths with a reset"), of: (one) => part(one.resets, one.paths), text: percent },
  { name: "unlinked", head: () => t("unlinked"), title: () => t("share of paths that are a single leg; of all paths alone"), of: (one) => (Number(one.packets_before) || Number(one.delay?.paths ?? 0) ? undefined : part(one.unlinked, one.paths)), text: percent },
];

function Change(props: { row: ComparedTimes; figure: Figure }) {
  const { row, figure } = props;
  const value = (one?: ComparedFigures) => (one && Number(one.paths) ? figure.of(one) : undefined);
  const before = value(row.before), now = value(row.now);
  const worse = row.worse.includes(figure.name), better = row.better.includes(figure.name);
  const text = (one: ComparedFigures | undefined, value: number | undefined) =>
    value === undefined ? <span class="muted">–</span> : <>{figure.text(value)}{figure.error && one && <small> ±{duration(figure.error(one))}</small>}</>;
  const samples = (one?: ComparedFigures) => (figure.name.startsWith("delay") ? t("of {0} paths whose delay is known", one?.delay?.paths ?? "0") : figure.name === "packets_missing" || figure.name === "lost" ? t("of {0} packets", one?.packets_before ?? "0") : t("{0} paths", one?.paths ?? "0"));
  const words = worse ? t("worse: more than the error or chance explains") : better ? t("better: more than the error or chance explains") : t("no change that the error or chance does not explain");
  return (
    <>
      <td class="number muted" title={samples(row.before)}>{text(row.before, before)}</td>
      <td class={worse ? "number bad" : better ? "number good" : "number"} title={figure.name === "paths" ? undefined : `${words} · ${samples(row.now)}`}>{worse ? "▲ " : better ? "▼ " : ""}{text(row.now, now)}</td>
    </>
  );
}

function Row(props: { row: ComparedTimes; shown: Figure[]; comparison: TimeComparison; filter: string }) {
  const { row, comparison } = props, book = useGatewayBook();
  const length = Number(BigInt(comparison.until_ns) - BigInt(comparison.since_ns));
  const filter = [props.filter, filterOf(row)].filter(Boolean).join(" and ");
  const paths = (since: string) => address("/paths", { since, until: plus(since, length), filter });
  const name = row.instance ? book.name(row.instance) : (row.kind ? `${row.kind} ${row.from_tap} → ${row.to_tap}` : t("all paths"));
  const only = !Number(row.before?.paths ?? 0) ? t("only now") : !Number(row.now?.paths ?? 0) ? t("only before") : "";
  return (
    <tr class={row.instance ? "member" : "whole"}>
      <th scope="row" title={row.instance}>{name} {only && <small class="warn">{only}</small>}</th>
      {props.shown.map((figure) => <Change key={figure.name} row={row} figure={figure} />)}
      <td><a href={paths(comparison.before_ns)}>{t("before")}</a> · <a href={paths(comparison.since_ns)}>{t("now")}</a></td>
    </tr>
  );
}

function Comparison(props: { comparison: TimeComparison; filter: string; group: string; changedOnly: boolean }) {
  const { comparison, changedOnly } = props;
  const differs = (row: ComparedTimes) => row.worse.length + row.better.length > 0 || !Number(row.before?.paths ?? 0) !== !Number(row.now?.paths ?? 0);
  const rows = comparison.rows.filter((row) => !row.kind || ((!props.group || groupOf(row) === props.group) && (!changedOnly || differs(row))));
  return (
    <div class="over" tabIndex={0} role="region" aria-label={t("Two times compared")}>
      <table class="plain-table compared">
        <thead>
          <tr><th scope="col" rowSpan={2}>{t("Group and instance")}</th>{figures.map((figure) => <th key={figure.name} scope="colgroup" colSpan={2} title={figure.title()}>{figure.head()}</th>)}<th scope="col" rowSpan={2}>{t("its paths")}</th></tr>
          <tr>{figures.flatMap((figure) => [<th key={figure.name + "before"} scope="col" class="number">{t("before")}</th>, <th key={figure.name + "now"} scope="col" class="number">{t("now")}</th>])}</tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={groupOf(row) + row.instance} row={row} shown={figures} comparison={comparison} filter={props.filter} />)}</tbody>
      </table>
      {changedOnly && rows.length <= 1 && <p class="note">{t("No gateway changed by more than the error or chance explains.")}</p>}
    </div>
  );
}

export function Compare() {
  const { query } = usePlace();
  const { utc } = useSettings();
  const changedOnly = query.changed === "1";
  const range = rangeOf(query), filter = query.filter ?? "", before = query.before ?? "";
  const question = useMemo(() => apiAddress("compare", asking(range, filter, { before_ns: beforeNs(query) })), [range.since, range.until, filter, before]);
  useQuestion(question);
  const asked = useApi<TimeComparison>(question);
  const span = (since: string, until: string) => `${clock(since, utc, 0, true)} – ${clock(until, utc, 0)}`;
  return (
    <div class="page">
      <h1>{t("Two times compared")} {query.group && <small>{query.group.replace("|", " ").replace("|", " → ")}</small>}</h1>
      <div class="strip">
        <label>{t("compare with")}{" "}
          <select value={offsets.some(([offset]) => offset === before) ? before : "fixed"} onChange={(event) => event.currentTarget.value !== "fixed" && go(changed({ before: event.currentTarget.value }))}>
            {offsets.map(([offset, name]) => <option key={offset} value={offset}>{name()}</option>)}
            {!offsets.some(([offset]) => offset === before) && <option value="fixed">{isRange(before) ? t("{0} before", before) : clock(before, utc, 0, true)}</option>}
          </select>
        </label>
        <label><input type="checkbox" checked={changedOnly} onChange={() => go(changed({ changed: changedOnly ? "" : "1" }), true)} />{t("only what changed")}</label>
        {query.group && <a class="button" href={changed({ group: "" })}>{t("All groups")}</a>}
        {asked.value && <span class="muted">{t("before")}: {span(asked.value.before_ns, plus(asked.value.before_ns, Number(BigInt(asked.value.until_ns) - BigInt(asked.value.since_ns))))} · {t("now")}: {span(asked.value.since_ns, asked.value.until_ns)}</span>}
        <a href={view("/paths")}>{t("Paths")}</a>
      </div>
      <Answer of={asked} empty={(one) => one.rows.every((row) => !Number(row.before?.paths ?? 0) && !Number(row.now?.paths ?? 0)) && t("No path at either time.")}>
        {(comparison) => <Comparison comparison={comparison} filter={filter} group={query.group ?? ""} changedOnly={changedOnly} />}
      </Answer>
    </div>
  );
}
