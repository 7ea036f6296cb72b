// SPDX-License-Identifier: Apache-2.0
// The ladder's lines in their box: only those in sight are drawn, whatever their height; wheel and keys scroll, choose and zoom.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { lineOf, type Rows } from "./ladder";
import { drawLadder, paintOf, tapX } from "./ladder_canvas";
import { type LadderState, rowHeight as usualHeight, rowHeightMax, rowHeightMin } from "./ladder_state";
import { Cut } from "./parts";
import { useSettings } from "./settings";
import { t } from "./words";

const zoomStep = 1.25, addressWidthMin = 104;

/** What is chosen: the range's ends in their order. */
export const rangeIn = (state: LadderState, rows: Rows) => {
  const { row, anchor } = state.now, at = row < rows.count ? row : -1;
  return { row: at, from: at < 0 ? -1 : Math.min(anchor, at), to: Math.max(Math.min(anchor, rows.count - 1), at) };
};

/** What the strip's buttons and keys ask of the lines. */
export interface Lines { zoom: (factor: number) => void; all: () => void }

export function LadderLines(props: { rows: Rows; lines: Int32Array; tcp: boolean; state: LadderState; found: Int32Array; control: { current: Lines | null } }) {
  const { rows, lines, state } = props, { height: rowHeight, numbers } = state.now, { row, from, to } = rangeIn(state, rows);
  const scroller = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const { theme, language } = useSettings();
  const [width, setWidth] = useState(0);
  const paint = useMemo(paintOf, [theme]);
  const found = useMemo(() => {
    const flags = new Uint8Array(rows.count);
    for (const one of props.found) flags[one] = 1;
    return flags;
  }, [props.found, rows]);
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
    drawLadder(g, rows, lines, box.scrollTop, w, h, rowHeight, { numbers, tcp: props.tcp, from, to, found, fold: (n) => t("{0} ACKs folded", n), idle: (text) => t("{0} idle", text) }, paint);
  }, [rows, lines, numbers, from, to, rowHeight, found, paint, language]);

  // Where the reader is: a zoom keeps the line under the pointer, other lines keep the uppermost row.
  const kept = useRef<{ line: number; y: number } | null>(null), shown = useRef<number | null>(null);
  const inSight = (at: number) => {
    const line = lineOf(lines, at), box = scroller.current!, y = line * rowHeight;
    if (at < 0 || line >= lines.length) return;
    if (y < box.scrollTop) box.scrollTop = y - Math.min(40, box.clientHeight / 3);
    else if (y + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = y + rowHeight - box.clientHeight + Math.min(40, box.clientHeight / 3);
  };
  const now = useRef({ lines, rowHeight });
  now.current = { lines, rowHeight };
  /** A scroll is told after the next picture, maybe to a listener of the one before: what is drawn counts. */
  const noteTop = () => {
    const box = scroller.current!, { lines, rowHeight } = now.current;
    if (Math.abs(lineOf(lines, state.now.top) * rowHeight - box.scrollTop) < 1) return; // where it was put
    let line = Math.floor((box.scrollTop + 0.5) / rowHeight);
    while (line < lines.length && lines[line] < 0) ++line;
    const top = lines[line] ?? 0;
    if (top !== state.now.top) state.change({ top }, true);
  };
  useLayoutEffect(() => {
    scroller.current!.scrollTop = lineOf(lines, state.now.top) * rowHeight;
    if (shown.current === null && state.now.top === 0) inSight(row); // an address that says where it stands means that
    shown.current = row;
  }, [lines]);
  useLayoutEffect(() => {
    if (kept.current) scroller.current!.scrollTop = kept.current.line * rowHeight - kept.current.y;
    if (kept.current) noteTop(); // also where scrollTop stays the same number
    kept.current = null;
  }, [rowHeight]);
  useLayoutEffect(() => {
    if (shown.current !== row) inSight(row);
    shown.current = row;
  }, [row]);
  useLayoutEffect(draw, [draw, width]);
  useEffect(() => {
    let asked = 0;
    const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(); }); };
    const box = scroller.current!;
    const scrolled = () => {
      soon();
      noteTop();
    };
    box.addEventListener("scroll", scrolled, { passive: true });
    const watch = new ResizeObserver(() => { setWidth(box.clientWidth); soon(); });
    watch.observe(box);
    return () => { box.removeEventListener("scroll", scrolled); watch.disconnect(); cancelAnimationFrame(asked); };
  }, [draw]);

  /** Read anew each time: keys and wheels come quicker than pictures. */
  const zoomTo = (height: number, y: number) => {
    const box = scroller.current!, old = state.now.height, next = Math.min(Math.max(height, rowHeightMin, Math.min(usualHeight, box.clientHeight / Math.max(1, now.current.lines.length))), rowHeightMax);
    const line = kept.current ? kept.current.line + (y - kept.current.y) / old : (box.scrollTop + y) / old;
    if (next === old) return;
    kept.current = { line, y };
    state.change({ height: next });
  };
  /** About the chosen row where that is in sight, else about the middle. */
  const focus = () => {
    const box = scroller.current!, y = lineOf(now.current.lines, state.now.row) * state.now.height - box.scrollTop + state.now.height / 2;
    return state.now.row >= 0 && y > 0 && y < box.clientHeight ? y : box.clientHeight / 2;
  };
  props.control.current = { zoom: (factor) => zoomTo(state.now.height * factor, focus()), all: () => zoomTo(0, 0) };
  const step = (by: number, more: boolean) => {
    const { lines } = now.current, at = state.now.row;
    let line = at < 0 ? (by > 0 ? 0 : -1) : lineOf(lines, at);
    if (at >= 0 && (by < 0 || lines[line] === at)) line += by;
    while (line >= 0 && line < lines.length && lines[line] < 0) line += Math.sign(by);
    if (line >= 0 && line < lines.length) state.choose(lines[line], more);
  };
  useEffect(() => {
    const box = scroller.current!;
    const press = (event: KeyboardEvent) => {
      const { key, target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || (target instanceof HTMLElement && (/^(TEXTAREA|SELECT)$/.test(target.tagName) || (target instanceof HTMLInputElement && target.type !== "checkbox")))) return;
      const down = key === "j" || key === "J" || (key === "ArrowDown" && target === box), up = key === "k" || key === "K" || (key === "ArrowUp" && target === box);
      if (down || up) step(down ? 1 : -1, event.shiftKey);
      else if (key === "+" || key === "=") zoomTo(state.now.height * zoomStep, focus());
      else if (key === "-") zoomTo(state.now.height / zoomStep, focus());
      else if (key === "0") zoomTo(usualHeight, focus());
      else return;
      event.preventDefault();
    };
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomTo(state.now.height * zoomStep ** -Math.sign(event.deltaY), event.clientY - box.getBoundingClientRect().top);
    };
    addEventListener("keydown", press);
    box.addEventListener("wheel", wheel, { passive: false });
    return () => { removeEventListener("keydown", press); box.removeEventListener("wheel", wheel); };
  }, []);
  const click = (event: MouseEvent) => {
    const box = scroller.current!, y = event.clientY - box.getBoundingClientRect().top + box.scrollTop;
    const line = lines[Math.floor(y / rowHeight)];
    if (line !== undefined && line >= 0) state.choose(line, event.shiftKey);
  };
  const x = (tap: number) => tapX(tap, rows.taps, width || 900, rowHeight), room = (rows.taps > 1 ? x(1) - x(0) : 400) - 6;
  return (
    <div class="ladder">
      <div class="taps" aria-hidden="true">
        <span class="when">{t("seconds")}</span>
        {rows.columns.map((leg, j) => (
          <span key={leg.leg_id} class={room >= addressWidthMin ? "tap" : "tap narrow"} title={`${leg.tap}\n${leg.client}\n${leg.server}`} style={{ left: x(j) + "px", maxWidth: room + "px" }}>
            <b>{room >= addressWidthMin ? <Cut text={leg.tap} /> : leg.tap}</b>{room >= addressWidthMin && <><small><Cut text={leg.client} /></small><small><Cut text={leg.server} /></small></>}
          </span>
        ))}
      </div>
      <div class="scroll" ref={scroller} tabIndex={0} role="application" aria-label={t("Ladder: {0} packets at {1} taps; j and k move", rows.count, rows.taps)} onClick={click}>
        <div style={{ height: Math.ceil(lines.length * rowHeight) + "px" }}><canvas ref={canvas} /></div>
      </div>
    </div>
  );
}
