// SPDX-License-Identifier: Apache-2.0
// The ladder of one path, its chosen packets, and beside it the time-sequence graph with the same cursor.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { apiAddress, useApi, type Asked } from "./api";
import { Download } from "./download";
import { delayError, Fate, flagText, fromTable, linesOf, type Numbers, readTable, type Rows, sequence, spanOf, timesOf, words } from "./ladder";
import { drawLadder, lineHeight, paintOf, tapX } from "./ladder_canvas";
import { Answer, Drawing } from "./parts";
import { changed, go, usePlace, view, type Query } from "./place";
import { drawSequence, margin, wholeSight, type Sight } from "./sequence_canvas";
import { useSettings } from "./settings";
import { bytes, clock, count, duration, plus } from "./time";
import type { LadderTable, Path } from "./wire";
import { t } from "./words";

interface Chosen { from: number; to: number }

function Canvas(props: { rows: Rows; lines: Int32Array; tcp: boolean; numbers: Numbers; chosen: Chosen; found: Set<number>; choose: (row: number, more: boolean) => void }) {
  const { rows, lines, chosen } = props;
  const scroller = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const { theme, language } = useSettings();
  const [width, setWidth] = useState(0);
  const paint = useMemo(paintOf, [theme]);
  const draw = useCallback(() => {
    const box = scroller.current, target = canvas.current;
    if (!box || !target) return;
    const w = box.clientWidth, h = box.clientHeight, scale = devicePixelRatio || 1;
    if (target.width !== Math.round(w * scale) || target.height !== Math.round(h * scale)) {
      target.width = Math.round(w * scale);
      target.height = Math.round(h * scale);
      target.style.width = w + "px";
      target.style.height = h + "px";
    }
    const g = target.getContext("2d", { alpha: false })!;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    drawLadder(g, rows, lines, box.scrollTop, w, h, { numbers: props.numbers, tcp: props.tcp, from: chosen.from, to: chosen.to, found: props.found,
      fold: (n) => t("{0} ACKs folded", n), idle: (text) => t("{0} idle", text) }, paint);
  }, [rows, lines, props.numbers, chosen, props.found, paint, language]);
  useLayoutEffect(draw, [draw, width]);
  useEffect(() => {
    let asked = 0;
    const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(); }); };
    const box = scroller.current!;
    box.addEventListener("scroll", soon, { passive: true });
    const watch = new ResizeObserver(() => { setWidth(box.clientWidth); soon(); });
    watch.observe(box);
    return () => { box.removeEventListener("scroll", soon); watch.disconnect(); cancelAnimationFrame(asked); };
  }, [draw]);
  const at = chosen.to;
  useEffect(() => {
    const line = lines.indexOf(at), box = scroller.current!;
    if (line < 0) return;
    if (line * lineHeight < box.scrollTop) box.scrollTop = line * lineHeight - 40;
    else if ((line + 1) * lineHeight > box.scrollTop + box.clientHeight) box.scrollTop = (line + 1) * lineHeight - box.clientHeight + 40;
  }, [at, lines]);
  const step = (by: number, more: boolean) => {
    let line = lines.indexOf(at) + by;
    while (line >= 0 && line < lines.length && lines[line] < 0) line += Math.sign(by);
    if (line >= 0 && line < lines.length) props.choose(lines[line], more);
  };
  const press = (event: KeyboardEvent) => {
    const key = event.key;
    if (key === "j" || key === "J" || key === "ArrowDown") step(1, event.shiftKey);
    else if (key === "k" || key === "K" || key === "ArrowUp") step(-1, event.shiftKey);
    else return;
    event.preventDefault();
  };
  const click = (event: MouseEvent) => {
    const box = scroller.current!, y = event.clientY - box.getBoundingClientRect().top + box.scrollTop;
    const line = lines[Math.floor(y / lineHeight)];
    if (line !== undefined && line >= 0) props.choose(line, event.shiftKey);
  };
  return (
    <div class="ladder">
      <div class="taps" aria-hidden="true">
        <span class="when">{t("seconds")}</span>
        {rows.columns.map((leg, j) => (
          <span key={leg.leg_id} class="tap" style={{ left: tapX(j, rows.taps, width || 900) + "px", maxWidth: tapX(1, rows.taps, width || 900) - tapX(0, rows.taps, width || 900) - 6 + "px" }}>
            <b>{leg.tap}</b><small>{leg.client}</small><small>{leg.server}</small>
          </span>
        ))}
      </div>
      <div class="scroll" ref={scroller} tabIndex={0} role="application" aria-label={t("Ladder: {0} packets at {1} taps; j and k move", rows.count, rows.taps)} onKeyDown={press} onClick={click}>
        <div style={{ height: lines.length * lineHeight + "px" }}><canvas ref={canvas} /></div>
      </div>
    </div>
  );
}

const fateWords: Record<number, () => string> = {
  [Fate.lost]: () => t("✕ lost: sent again later"), [Fate.gap]: () => t("▢ capture gap: others saw it, or it was acknowledged"), [Fate.unknown]: () => t("? not seen: lost or not captured"),
  [Fate.recut]: () => t("≡ its bytes passed here in other segments: the stream was cut anew"),
};

/** How long after the tap before, by one clock, with its ±. */
function delayText(rows: Rows, i: number, tap: number): string {
  const delay = rows.delay[i * rows.taps + tap], error = delayError(rows, i, tap);
  if (Number.isNaN(delay)) return "–";
  return (delay < 0 ? "−" : "+") + duration(Math.abs(delay)) + (error < 0 ? "" : ` ±${duration(error)}`);
}

function Details(props: { rows: Rows; chosen: Chosen; tcp: boolean; numbers: Numbers }) {
  const { rows, chosen } = props;
  const { utc } = useSettings();
  if (chosen.to < 0) return <p class="muted">{t("Choose a packet; with Shift a range.")}</p>;
  if (chosen.from !== chosen.to) {
    const span = spanOf(rows, chosen.from, chosen.to);
    return (
      <p role="status">
        <b>{t("{0} packets", span.packets)}</b> · {t("{0} to the server, {1} to the client", span.toServer, span.packets - span.toServer)} · {bytes(span.bytes)} · {duration(span.ns)}
        {span.ns > 0 && ` · ${count((span.bytes * 8 * 1e9) / span.ns)}bit/s`} · {t("{0} retr.", span.again)} · ✕ {span.lost} · ▢ {span.gaps}
      </p>
    );
  }
  const i = chosen.to;
  return (
    <table class="cells">
      <caption>{words(rows, i, props.tcp, props.numbers)}</caption>
      <thead><tr>{["tap", "time", "delay", "seq / ack", "len", "flags", "TTL", "IP-ID", "win"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
      <tbody>
        {rows.columns.map((leg, j) => {
          const k = i * rows.taps + j;
          if (rows.fate[k] !== Fate.seen)
            return <tr key={leg.leg_id}><th scope="row">{leg.tap}</th><td colSpan={8} class="muted">{fateWords[rows.fate[k]]?.() ?? t("another connection: a proxy stands between")}</td></tr>;
          return (
            <tr key={leg.leg_id}>
              <th scope="row">{leg.tap}</th><td>{clock(plus(rows.startNs, rows.at[k]), utc, 6)}</td><td>{delayText(rows, i, j)}</td>
              <td>{props.tcp ? sequence(rows, k, j, rows.toServer[i], props.numbers) : "–"}</td><td>{rows.length[k]}</td><td>{flagText(rows.flags[k])}</td><td>{rows.ttl[k]}</td><td>{rows.id[k]}</td><td>{rows.window[k]}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Sequence(props: { rows: Rows; at: number; choose: (row: number, more: boolean) => void }) {
  const { rows, at } = props;
  const [way, setWay] = useState(0);
  const [taps, setTaps] = useState(() => rows.columns.map(() => true));
  const [sight, setSight] = useState<Sight>(() => wholeSight(rows));
  const size = useRef(600);
  const draw = useCallback((g: CanvasRenderingContext2D, width: number, height: number) => {
    size.current = width;
    drawSequence(g, rows, way, taps, sight, at, width, height);
  }, [rows, way, taps, sight, at]);
  const pointer = (x: number, _y: number, event: PointerEvent) => {
    if (!event.buttons) return;
    const ns = sight.fromNs + ((x - margin.left) / (size.current - margin.left - margin.right)) * (sight.toNs - sight.fromNs);
    let low = 0, high = rows.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows.time[middle] < ns) low = middle + 1;
      else high = middle;
    }
    props.choose(low, false);
  };
  const zoom = (by: number) => {
    const middle = at >= 0 ? rows.time[at] : (sight.fromNs + sight.toNs) / 2, half = ((sight.toNs - sight.fromNs) * by) / 2;
    setSight({ fromNs: Math.max(0, middle - half), toNs: Math.max(middle + half, 1000) });
  };
  return (
    <section class="sequence" aria-label={t("Time-sequence")}>
      <div class="strip">
        <b>{t("Time-sequence")}</b>
        <select aria-label={t("Direction")} value={String(way)} onChange={(event) => setWay(Number(event.currentTarget.value))}>
          <option value="1">{t("to the server")}</option><option value="0">{t("to the client")}</option>
        </select>
        {rows.columns.map((leg, j) => (
          <label key={leg.leg_id}><input type="checkbox" checked={taps[j]} onChange={() => setTaps(taps.map((on, n) => (n === j ? !on : on)))} /><i class={"key c" + ((j % 7) + 1)} />{leg.tap}</label>
        ))}
        <button onClick={() => zoom(0.5)} aria-label={t("Zoom in")}>+</button><button onClick={() => zoom(2)} aria-label={t("Zoom out")}>−</button><button onClick={() => setSight(wholeSight(rows))}>{t("All")}</button>
      </div>
      <Drawing class="graph" draw={draw} label={t("Sequence numbers over time at each tap")} onPointer={pointer} />
    </section>
  );
}

/** The time in which the chosen packets passed the taps. */
function rangeOf(rows: Rows, chosen: Chosen): Record<string, string> {
  const { fromNs, toNs } = timesOf(rows, chosen.from, chosen.to);
  return { from_ns: plus(rows.startNs, Math.floor(fromNs)), to_ns: plus(rows.startNs, Math.ceil(toNs)) };
}

function Shown(props: { ladder: LadderTable; path?: Path }) {
  const { query } = usePlace();
  const { ladder, path } = props;
  const tcp = (path?.proto ?? "tcp") === "tcp";
  const rows = useMemo(() => fromTable(ladder), [ladder]);
  const [foldAcks, setFoldAcks] = useState(false);
  const [foldIdle, setFoldIdle] = useState(true);
  const [numbers, setNumbers] = useState<Numbers>("relative");
  const [chosen, setChosen] = useState<Chosen>(() => { const asked = Number(query.row ?? -1), row = asked >= 0 && asked < rows.count ? Math.floor(asked) : -1; return { from: row, to: row }; });
  const [text, setText] = useState("");
  const finder = useRef<HTMLInputElement>(null);
  const lines = useMemo(() => linesOf(rows, foldAcks, foldIdle), [rows, foldAcks, foldIdle]);
  const found = useMemo(() => {
    const set = new Set<number>();
    if (text.length > 1) for (let i = 0; i < rows.count; ++i) if (words(rows, i, tcp, numbers).toLowerCase().includes(text.toLowerCase())) set.add(i);
    return set;
  }, [text, rows, numbers]);
  const choose = useCallback((row: number, more: boolean) => setChosen((old) => (more && old.to >= 0 ? { from: Math.min(old.from, row), to: Math.max(row, old.from) } : { from: row, to: row })), []);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "f" || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      finder.current?.focus();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const next = () => { for (const row of found) if (row > chosen.to) return choose(row, false); const [first] = found; if (first !== undefined) choose(first, false); };
  const sideBySide = query.show === "sequence";
  return (
    <>
      <div class="strip">
        <label><input type="checkbox" checked={foldAcks} onChange={() => setFoldAcks(!foldAcks)} />{t("fold ACKs")}</label>
        <label><input type="checkbox" checked={foldIdle} onChange={() => setFoldIdle(!foldIdle)} />{t("mark idle times")}</label>
        <label>{t("numbers")} <select value={numbers} onChange={(event) => setNumbers(event.currentTarget.value as Numbers)}><option value="relative">{t("relative")}</option><option value="raw">{t("raw")}</option></select></label>
        <form role="search" onSubmit={(event) => { event.preventDefault(); next(); }}>
          <input ref={finder} class="short" type="search" aria-label={t("Find")} placeholder={t("find: SYN, seq 1…")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          {text.length > 1 && <span class="muted">{found.size}</span>}
        </form>
        <button aria-pressed={sideBySide} onClick={() => go(changed({ show: sideBySide ? "" : "sequence" }), true)}>{t("Time-sequence")}</button>
        <span class="legend" aria-label={t("Legend")}><i class="key c1" />SYN <i class="key c3" />{t("data")} <i class="key muted" />ACK <i class="key c4" />FIN <i class="key warn" />{t("retr.")} <i class="key bad" />RST <i class="key c5" />{t("zero window")} <b class="bad">✕</b> {t("lost")} <b class="warn">▢</b> {t("capture gap")} <b class="muted">?</b> {t("unknown")} <b class="muted">≡</b> {t("in other segments")}</span>
      </div>
      <div class={sideBySide ? "beside" : "alone"}>
        <Canvas rows={rows} lines={lines} tcp={tcp} numbers={numbers} chosen={chosen} found={found} choose={choose} />
        {sideBySide && rows.count > 0 && <Sequence key={`${ladder.path_id} ${rows.count}`} rows={rows} at={chosen.to} choose={choose} />}
      </div>
      <div class="strip">
        {chosen.from !== chosen.to ? <Download key="range" address={apiAddress(`paths/${ladder.path_id}/pcap`, rangeOf(rows, chosen))} name={`clew-${ladder.path_id}-${chosen.from + 1}-${chosen.to + 1}.pcapng`} label={t("pcapng of the range")} />
          : <Download key="all" address={apiAddress(`paths/${ladder.path_id}/pcap`)} name={`clew-${ladder.path_id}.pcapng`} label={t("pcapng of all taps")} />}
      </div>
      <section class="details" aria-label={t("Chosen packets")} tabIndex={0}><Details rows={rows} chosen={chosen} tcp={tcp} numbers={numbers} /></section>
    </>
  );
}

const firstRows = 2000;

/** The first rows at once and all of them when they are there. A link to a later row waits for all. */
function useLadder(id: string, row: number): { ladder: Asked<LadderTable>; coming: boolean; failure?: string } {
  const asked = (query: Query = {}) => apiAddress(`paths/${id}/ladder_table`, { binary: "1", ...query }), far = row >= firstRows;
  const head = useApi(far ? null : asked({ rows: String(firstRows) }), 0, readTable);
  const whole = useApi(far || head.value?.more ? asked() : null, 0, readTable);
  if (far || whole.value || !head.value?.more) return { ladder: far || whole.value ? whole : head, coming: false };
  return { ladder: { ...head, value: { ...head.value, partial: "" } }, coming: !whole.error, failure: whole.error };
}

export function LadderView(props: { id: string }) {
  const { query } = usePlace();
  const [row] = useState(Number(query.row ?? -1));
  const path = useApi<Path>(apiAddress("paths/" + props.id));
  const { ladder, coming, failure } = useLadder(props.id, row);
  const shown = count(ladder.value?.rows ?? 0);
  const first = path.value?.legs[0], last = path.value?.legs[path.value.legs.length - 1];
  return (
    <div class="fill">
      <h1 class="title"><a href={view("/path/" + props.id)}>{first ? `${first.client} → ${last?.server}` : props.id}</a> <small>{t("Ladder")}</small></h1>
      {path.error && <p class="note bad" role="alert">{path.error}</p>}
      {coming && <p class="note" role="status">{t("These are the first {0} packets; the others are on their way.", shown)}</p>}
      {failure && <p class="note partial" role="alert"><b>{t("Partial")}</b> {t("these are the first {0} packets", shown)}: {failure}</p>}
      <Answer of={ladder} empty={(value) => value.rows === 0 && t("No packet header of this path is kept any more: the sensors' header rings hold the newest only.")}>
        {(value) => (path.loading && !path.value ? <p class="note">{t("Loading…")}</p> : <Shown ladder={value} path={path.value} />)}
      </Answer>
    </div>
  );
}
