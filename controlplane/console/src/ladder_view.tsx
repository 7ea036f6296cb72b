// SPDX-License-Identifier: Apache-2.0
// The ladder of one path, its chosen packets, and beside it the time-sequence graph with the same cursor.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { apiAddress, useApi, type Asked } from "./api";
import { Download } from "./download";
import { fromTable, linesOf, type Numbers, readTable, type Rows, timesOf } from "./ladder";
import { Details } from "./ladder_details";
import { findLettersMin, nextOf, useFind } from "./ladder_find";
import { LadderLines, type Lines, rangeIn } from "./ladder_lines";
import { type LadderState, useLadderState } from "./ladder_state";
import { Answer } from "./parts";
import { changed, go, usePlace, view, type Query } from "./place";
import { Sequence } from "./sequence_view";
import { useSettings } from "./settings";
import { clock, count, plus } from "./time";
import type { LadderTable, Path } from "./wire";
import { t } from "./words";

/** The time in which the chosen packets passed the taps. */
function rangeOf(rows: Rows, from: number, to: number): Record<string, string> {
  const { fromNs, toNs } = timesOf(rows, from, to);
  return { from_ns: plus(rows.startNs, Math.floor(fromNs)), to_ns: plus(rows.startNs, Math.ceil(toNs)) };
}

function Legend() {
  const all: [string, string, string, string][] = [
    ["key c1", "", "SYN", t("opens the connection")], ["key c3", "", t("data"), t("bears payload")], ["key muted", "", "ACK", t("acknowledges and bears nothing")], ["key c4", "", "FIN", t("its sender has no more to send")],
    ["key warn", "", t("retr."), t("the same bytes passed this tap before")], ["key bad", "", "RST", t("ends the connection at once")], ["key c5", "", t("zero window"), t("its sender can take no more for now")],
    ["bad", "✕", t("lost"), t("✕ lost: sent again later")], ["warn", "▢", t("capture gap"), t("▢ capture gap: others saw it, or it was acknowledged")],
    ["muted", "?", t("unknown"), t("? not seen: lost or not captured")], ["muted", "≡", t("in other segments"), t("≡ its bytes passed here in other segments: the stream was cut anew")],
  ];
  return <span class="legend" aria-label={t("Legend")}>{all.map(([tone, sign, name, title]) => <span key={name} title={title}>{sign ? <b class={tone}>{sign}</b> : <i class={tone} />}{sign && " "}{name}</span>)}</span>;
}

function Shown(props: { ladder: LadderTable; path?: Path; state: LadderState }) {
  const { query } = usePlace();
  const { ladder, path, state } = props, { foldAcks, markIdle, numbers, find } = state.now;
  const tcp = (path?.proto ?? "tcp") === "tcp";
  const rows = useMemo(() => fromTable(ladder, path), [ladder, path]);
  const finder = useRef<HTMLInputElement>(null), control = useRef<Lines | null>(null);
  const lines = useMemo(() => linesOf(rows, foldAcks, markIdle), [rows, foldAcks, markIdle]);
  const found = useFind(rows, tcp, numbers, find), hits = useRef(found.rows);
  hits.current = found.rows;
  const next = (by: 1 | -1) => {
    const row = nextOf(hits.current, state.now.row, by);
    if (row !== undefined) state.choose(row, false);
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
      if (event.key === "f") finder.current?.focus();
      else if (event.key === "n" || event.key === "N") next(event.key === "n" ? 1 : -1);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const sideBySide = query.show === "sequence", { row, from, to } = rangeIn(state, rows);
  return (
    <>
      <div class="strip">
        <label title={t("ACKs without data that nothing is remarkable about, as one line")}><input type="checkbox" checked={foldAcks} onChange={() => state.change({ foldAcks: !state.now.foldAcks })} />{t("fold ACKs")}</label>
        <label title={t("a line where nothing passed for 0.2 s")}><input type="checkbox" checked={markIdle} onChange={() => state.change({ markIdle: !state.now.markIdle })} />{t("mark idle times")}</label>
        <label title={t("relative: from the stream's first byte; raw: as written at each tap; normalised: as the connection's first tap wrote them")}>{t("numbers")} <select value={numbers} onChange={(event) => state.change({ numbers: event.currentTarget.value as Numbers })}><option value="relative">{t("relative")}</option><option value="raw">{t("raw")}</option><option value="normalised">{t("normalised")}</option></select></label>
        <form role="search" onSubmit={(event) => { event.preventDefault(); next(1); }}>
          <input ref={finder} class="short" type="search" aria-label={t("Find")} placeholder={t("find: SYN, seq 1…")} title={t("Enter or n: the next, N: the one before")} value={find} onInput={(event) => state.change({ find: event.currentTarget.value })}
            onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
          {find.trim().length >= findLettersMin && <span class="muted found">{found.rows.length}{found.whole ? "" : "…"}</span>}
        </form>
        <span class="zoom"><button aria-label={t("Taller rows")} title={t("Taller rows: + or Ctrl and the wheel")} onClick={() => control.current?.zoom(1.6)}>+</button><button aria-label={t("Thinner rows")} title={t("Thinner rows: −; 0 for the usual ones")} onClick={() => control.current?.zoom(1 / 1.6)}>−</button><button title={t("every packet in sight at once")} onClick={() => control.current?.all()}>{t("All packets")}</button></span>
        <button aria-pressed={sideBySide} onClick={() => go(changed({ show: sideBySide ? "" : "sequence" }), true)}>{t("Time-sequence")}</button>
        <Legend />
      </div>
      <div class={sideBySide ? "beside" : "alone"}>
        <LadderLines rows={rows} lines={lines} tcp={tcp} state={state} found={found.rows} control={control} />
        {sideBySide && rows.count > 0 && <Sequence rows={rows} state={state} />}
      </div>
      <div class="strip">
        {from !== to ? <Download key="range" address={apiAddress(`paths/${ladder.path_id}/pcap`, rangeOf(rows, from, to))} name={`clew-${ladder.path_id}-${from + 1}-${to + 1}.pcapng`} label={t("pcapng of the range")} />
          : <Download key="all" address={apiAddress(`paths/${ladder.path_id}/pcap`)} name={`clew-${ladder.path_id}.pcapng`} label={t("pcapng of all taps")} />}
      </div>
      <section class="details" aria-label={t("Chosen packets")} tabIndex={0}><Details rows={rows} from={from} to={to} row={row} tcp={tcp} numbers={numbers} /></section>
    </>
  );
}

const firstRows = 2000;

/** The first rows at once and all of them when they are there. A link to a later row waits for all. */
function useLadder(id: string, far: boolean): { ladder: Asked<LadderTable>; coming: boolean; failure?: string } {
  const asked = (query: Query = {}) => apiAddress(`paths/${id}/ladder_table`, { binary: "1", ...query });
  const head = useApi(far ? null : asked({ rows: String(firstRows) }), 0, readTable);
  const whole = useApi(far || head.value?.more ? asked() : null, 0, readTable);
  if (far || whole.value || !head.value?.more) return { ladder: far || whole.value ? whole : head, coming: false };
  return { ladder: { ...head, value: { ...head.value, partial: "" } }, coming: !whole.error, failure: whole.error };
}

/** Why there is no packet, as far as the API knows. */
function reasonOf(ladder: LadderTable, utc: boolean): string {
  const since = ladder.kept_since_ns && ladder.kept_since_ns !== "0" ? clock(ladder.kept_since_ns, utc, 0, true) : t("nothing is kept yet");
  switch (ladder.empty) {
    case "sockets": return t("This path was seen by sockets alone: an agent reports connections, not packets. A tap on its way would show them.");
    case "away": return t("No sensor of this path's taps answers: its packets may still be there. Trust says which one is away.");
    case "time": return t("No packet of this path passed in the time asked about.");
    case "old": return t("This path is older than what the sensors keep: their header logs go back to {0}.", since);
    case "ring": return t("Its sensors have no header log (vault): they hold the newest headers in memory only, and this path's have left.");
    case "dropped": return t("No packet header of this path was kept; the sensors dropped headers when their disk or its backlog was full. Trust has the counters.");
    default: return t("The sensors answer, but have no packet header of this path.");
  }
}

export function LadderView(props: { id: string }) {
  const { utc } = useSettings();
  const state = useLadderState();
  const far = useMemo(() => Math.max(state.now.row, state.now.anchor, state.now.top) >= firstRows, [state]);
  const path = useApi<Path>(apiAddress("paths/" + props.id));
  const { ladder, coming, failure } = useLadder(props.id, far);
  const shown = count(ladder.value?.rows ?? 0);
  const first = path.value?.legs[0], last = path.value?.legs[path.value.legs.length - 1];
  return (
    <div class="fill">
      <h1 class="title"><a href={view("/path/" + props.id)}>{first ? `${first.client} → ${last?.server}` : props.id}</a> <small>{t("Ladder")}</small></h1>
      {path.error && <p class="note bad" role="alert">{path.error}</p>}
      {coming && <p class="note" role="status">{t("These are the first {0} packets; the others are on their way.", shown)}</p>}
      {failure && <p class="note partial" role="alert"><b>{t("Partial")}</b> {t("these are the first {0} packets", shown)}: {failure}</p>}
      <Answer of={ladder} empty={(value) => value.rows === 0 && reasonOf(value, utc)}>
        {(value) => (path.loading && !path.value ? <p class="note">{t("Loading…")}</p> : <Shown ladder={value} path={path.value} state={state} />)}
      </Answer>
    </div>
  );
}
