// SPDX-License-Identifier: Apache-2.0
// The time-sequence graph beside the ladder: its direction and taps, zoom and pan by wheel, drag and keys, the shared cursor on a
// layer of its own, and what stands under the pointer in words.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Rows } from "./ladder";
import type { LadderState, Sight } from "./ladder_state";
import { bytesIn, Glyph, moved, nearest, type Near, seriesOf, wholeSight, zoomed, zoomedBytes } from "./sequence";
import { drawSequence, Frame, margin, tapTone } from "./sequence_canvas";
import { useSettings } from "./settings";
import { bytes, count, duration, finely } from "./time";
import { t } from "./words";

const reachPx = 12, dragPxMin = 4, zoomStep = 1.25;

function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = devicePixelRatio || 1, w = Math.round(width * scale), h = Math.round(height * scale);
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const g = canvas.getContext("2d")!;
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

/** What a place of the graph shows, in one line. */
function nearWords(near: Near, rows: Rows): string {
  const tap = rows.columns[near.tap].tap, time = finely(near.at, 1000), size = near.high - near.low;
  if (near.what === "window") return t("{0}: window up to {1} at {2}: so far the receiver lets the sender go", tap, count(near.high), time);
  if (near.what === "ack") {
    const words = near.kind & Glyph.zeroWindow ? t("Z, zero window: the receiver can take no more") : near.kind & Glyph.duplicateAck ? t("duplicate ACK: the receiver still waits for this byte") : t("acknowledged: the receiver has all before it");
    return t("{0}: {1} at {2}; packet {3}: {4}", tap, count(near.low), time, near.row + 1, words);
  }
  const words = near.kind & Glyph.reset ? t("RST: its sender ends the connection at once") : near.kind & Glyph.again ? t("R, sent again: this range passed the tap before") : near.kind & Glyph.syn ? t("S: opens this direction") : near.kind & Glyph.fin ? t("F: its sender has no more to send") : t("data, {0}", bytes(size));
  return t("{0}: {1} at {2}; packet {3}: {4}", tap, `${count(near.low)}…${count(near.high)}`, time, near.row + 1, words);
}

function Glyphs(props: { unknown: string[] }) {
  const { unknown } = props;
  const all: [string, string, string, string][] = [
    ["", "┃", t("data"), t("a segment: an upright stroke from its first to its last byte")], ["bad", "R", t("retr."), t("R, sent again: this range passed the tap before")],
    ["", "▁", t("acknowledged"), t("the stepped line below: what the receiver has acknowledged at this tap")],
    ["", "▔", unknown.length ? t("window: scale not known at {0}", unknown.join(", ")) : t("window"), unknown.length ? t("both SYNs tell the scale of windows; a tap that did not see them draws no line") : t("the line above: up to where the receiver lets the sender go, its window scaled as the SYNs said")],
    ["", "╵", t("duplicate ACK"), t("duplicate ACK: the receiver still waits for this byte")], ["zero", "Z", t("zero window"), t("Z, zero window: the receiver can take no more")],
    ["syn", "S", "SYN", t("S: opens this direction")], ["fin", "F", "FIN", t("F: its sender has no more to send")], ["bad", "RST", "", t("RST: its sender ends the connection at once")],
  ];
  return <span class="legend glyphs" aria-label={t("Glyphs")}>{all.map(([tone, sign, name, title]) => <span key={sign} title={title}><b class={tone}>{sign}</b> {name}</span>)}</span>;
}

export function Sequence(props: { rows: Rows; state: LadderState }) {
  const { rows, state } = props;
  const { way, hidden, sight: chosen, row } = state.now;
  const { theme, language } = useSettings();
  const box = useRef<HTMLDivElement>(null), base = useRef<HTMLCanvasElement>(null), layer = useRef<HTMLElement>(null), hint = useRef<HTMLParagraphElement>(null);
  const frame = useRef<Frame | undefined>(undefined);
  const all = useMemo(() => wholeSight(rows), [rows]);
  const every = useMemo(() => rows.columns.map((_, tap) => seriesOf(rows, way, tap)), [rows, way]);
  const taken = hidden.join("."), series = useMemo(() => every.filter(({ tap }) => !hidden.includes(tap)), [every, taken]);
  const unknown = useMemo(() => rows.columns.filter((_, tap) => rows.scale[tap * 2 + 1 - way] < 0 && !hidden.includes(tap)).map((leg) => leg.tap), [rows, way, taken]);
  const drawn = useRef({ series, all });
  drawn.current = { series, all };

  const cursor = useCallback(() => {
    const line = layer.current, at = frame.current, { row } = state.now;
    if (!line || !at) return;
    const x = row >= 0 && row < rows.count ? Math.round(at.x(rows.at[row * rows.taps + rows.first[row]])) : -1;
    line.hidden = !(x >= at.left && x <= at.right);
    line.style.left = x + "px";
  }, [rows, state]);
  const draw = useCallback(() => {
    const canvas = base.current;
    if (!canvas || !box.current) return;
    const width = box.current.clientWidth, height = box.current.clientHeight;
    frame.current = Frame.of(series, state.now.sight ?? all, width, height);
    drawSequence(sized(canvas, width, height), series, frame.current);
    cursor();
  }, [series, all, state, cursor]);
  const key = chosen ? `${chosen.fromNs} ${chosen.toNs} ${chosen.low} ${chosen.high}` : "";
  useLayoutEffect(draw, [draw, key, theme, language]);
  useLayoutEffect(cursor, [cursor, row]);
  useEffect(() => {
    const watch = new ResizeObserver(() => draw());
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, [draw]);

  /** Changes what is in sight; read anew each time, for keys and wheels come quicker than pictures. */
  const look = (change: (now: Sight, at: Frame) => Sight | undefined) => {
    const { series, all } = drawn.current, now = state.now.sight ?? all, old = frame.current;
    if (!old) return;
    state.change({ sight: change(now, Frame.of(series, now, old.width, old.height)) });
  };
  const zoomTime = (factor: number, px?: number) => look((now, at) => zoomed(now, factor, at.time(px ?? (at.left + at.right) / 2), drawn.current.all));
  const zoomBytes = (factor: number, py?: number) => look((now, at) => zoomedBytes(now, bytesIn(drawn.current.series, now), factor, at.byte(py ?? (margin.top + at.bottom) / 2)));
  const pan = (px: number, py: number) => look((now, at) => {
    const next = moved(now, at.time(0) - at.time(px), drawn.current.all), up = py ? at.byte(py) - at.byte(0) : 0;
    return py || now.low !== undefined ? { ...next, low: at.low - up, high: at.high - up } : next;
  });

  useEffect(() => {
    const target = box.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const place = target.getBoundingClientRect(), factor = zoomStep ** (Math.sign(event.deltaY || event.deltaX));
      if (event.shiftKey) pan(-(event.deltaX || event.deltaY), 0);
      else if (event.ctrlKey || event.altKey) zoomBytes(factor, event.clientY - place.top);
      else if (event.deltaY) zoomTime(factor, event.clientX - place.left);
      else pan(-event.deltaX, 0);
    };
    target.addEventListener("wheel", wheel, { passive: false });
    return () => target.removeEventListener("wheel", wheel);
  }, []);
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const doing: Record<string, () => void> = {
      "+": () => zoomTime(1 / zoomStep), "=": () => zoomTime(1 / zoomStep), "-": () => zoomTime(zoomStep), x: () => zoomTime(1 / zoomStep), X: () => zoomTime(zoomStep),
      y: () => zoomBytes(1 / zoomStep), Y: () => zoomBytes(zoomStep), ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0), ArrowUp: () => pan(0, 40), ArrowDown: () => pan(0, -40),
      "0": () => state.change({ sight: undefined }), Home: () => state.change({ sight: undefined }),
    };
    if (!doing[event.key]) return;
    doing[event.key]();
    event.preventDefault();
    event.stopPropagation();
  };

  const drag = useRef<{ x: number; y: number; moved: boolean } | undefined>(undefined);
  const placeOf = (event: PointerEvent): [number, number] => {
    const place = box.current!.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  };
  const near = (x: number, y: number) => frame.current && nearest(series, frame.current.x, frame.current.y, frame.current.time, x, y, reachPx);
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const [x, y] = placeOf(event);
    drag.current = { x, y, moved: false };
    box.current!.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const [x, y] = placeOf(event), from = drag.current;
    if (!from) {
      const found = near(x, y);
      hint.current!.textContent = found ? nearWords(found, rows) : t("wheel: zoom time; Ctrl: bytes; Shift or drag: move; keys + − x y arrows, 0: all");
      return;
    }
    if (!from.moved && Math.hypot(x - from.x, y - from.y) < dragPxMin) return;
    pan(x - from.x, state.now.sight?.low !== undefined || Math.abs(y - from.y) > dragPxMin * 2 ? y - from.y : 0);
    drag.current = { x, y: state.now.sight?.low !== undefined ? y : from.y, moved: true };
  };
  const up = (event: PointerEvent) => {
    const from = drag.current;
    drag.current = undefined;
    if (!from || from.moved || !frame.current) return;
    const [x, y] = placeOf(event), found = near(x, y);
    if (found) return state.choose(found.row, false);
    const ns = frame.current.time(x);
    let low = 0, high = rows.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows.time[middle] < ns) low = middle + 1;
      else high = middle;
    }
    state.choose(low, false);
  };
  const span = (chosen ?? all).toNs - (chosen ?? all).fromNs;
  return (
    <section class="sequence" aria-label={t("Time-sequence")}>
      <div class="strip">
        <b>{t("Time-sequence")}</b>
        <select aria-label={t("Direction")} value={String(way)} onChange={(event) => state.change({ way: Number(event.currentTarget.value) })}>
          <option value="1">{t("to the server")}</option><option value="0">{t("to the client")}</option>
        </select>
        {rows.columns.map((leg, j) => (
          <label key={leg.leg_id}><input type="checkbox" checked={!hidden.includes(j)} onChange={() => state.change({ hidden: hidden.includes(j) ? hidden.filter((one) => one !== j) : [...hidden, j] })} /><i class={"key " + tapTone(j)} />{leg.tap}</label>
        ))}
        <span class="zoom"><button onClick={() => zoomTime(0.5)} aria-label={t("Zoom in")}>+</button><button onClick={() => zoomTime(2)} aria-label={t("Zoom out")}>−</button><button disabled={!chosen} onClick={() => state.change({ sight: undefined })}>{t("All")}</button></span>
        <span class="muted" title={t("the time in sight")}>{duration(span)}</span>
      </div>
      <Glyphs unknown={unknown} />
      <div class="graph" ref={box} role="application" tabIndex={0} aria-label={t("Sequence numbers over time at each tap")} onKeyDown={press} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => { drag.current = undefined; }}>
        <canvas ref={base} /><i ref={layer} class="cursor" hidden />
      </div>
      <p class="hint" ref={hint} role="status">{t("wheel: zoom time; Ctrl: bytes; Shift or drag: move; keys + − x y arrows, 0: all")}</p>
    </section>
  );
}
