// SPDX-License-Identifier: Apache-2.0
// Small parts that views share: what a question's answer lacks, badges, sparklines, an address with its menu.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Asked } from "./api";
import { changed, go, here, view } from "./place";
import { colour, useSettings } from "./settings";
import { said, t } from "./words";

/** Loading, refused, cut, or empty: said in words, above or instead of the answer. */
export function Answer<T extends object>(props: {
  of: Asked<T>; top?: boolean; empty?: (value: T) => string | false; children: (value: T) => ComponentChildren;
}) {
  const { value, error, loading } = props.of;
  if (error) return <p class="note bad" role="alert">{said(error)}</p>;
  if (!value) return loading ? <p class="note" role="status">{t("Loading…")}</p> : null;
  const empty = props.empty?.(value), words = (value as { partial?: string }).partial;
  const oneIn = (value as { one_in?: number }).one_in ?? 0;
  const partial = props.top && words?.startsWith("there are more than") ? "" : words; // a heading that says "top" says so already
  return (
    <>
      {partial && <p class="note partial" role="status"><b>{t("Partial")}</b> {said(partial)}</p>}
      {oneIn > 1 && <p class="note partial" role="status"><b>{t("Estimated")}</b> {t("one path in {0} was counted, and what was counted multiplied", String(oneIn))}</p>}
      {empty ? <p class="note" role="status">{empty}</p> : props.children(value)}
    </>
  );
}

export function Grade(props: { grade: string; onClick?: () => void; pressed?: boolean; label?: string }) {
  if (!props.grade) return <span class="muted">–</span>;
  const name = props.label ?? t("grade {0}", props.grade);
  if (!props.onClick) return <span class={`grade g${props.grade}`} title={t("the weakest link's grade: A is best")}>{props.grade}</span>;
  return (
    <button class={`grade g${props.grade}`} aria-label={name} aria-pressed={props.pressed} title={name} onClick={props.onClick}>
      {props.grade}
    </button>
  );
}

/** Values below 0 are not known. The line starts at zero. */
export function Sparkline(props: { points: number[]; label: string; width?: number; tone?: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const { theme } = useSettings();
  const width = props.width ?? 120, height = 26;
  useEffect(() => {
    const canvas = ref.current!, scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const g = canvas.getContext("2d")!;
    g.scale(scale, scale);
    g.clearRect(0, 0, width, height);
    const top = Math.max(...props.points, 1e-9), step = width / Math.max(1, props.points.length - 1);
    g.strokeStyle = g.fillStyle = colour(props.tone ?? "accent");
    g.lineWidth = 1.5;
    g.beginPath();
    let open = false;
    props.points.forEach((value, i) => {
      if (value < 0) return void (open = false);
      const x = i * step, y = height - 2 - (value / top) * (height - 4);
      if (open) g.lineTo(x, y);
      else g.moveTo(x, y);
      if (!open && (props.points[i + 1] ?? -1) < 0) g.fillRect(x - 1, y - 1, 2, 2);
      open = true;
    });
    g.stroke();
  }, [props.points, theme, width, props.tone]);
  return <canvas ref={ref} class="spark" role="img" aria-label={props.label} style={{ width: width + "px", height: height + "px" }} />;
}

const quoted = (value: string) => (/^[\w.:/[\]-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`);
export const condition = (field: string, value: string) => `${field} == ${quoted(value)}`;

/** The filter with one more condition, or with its opposite. */
export function narrowed(filter: string, one: string, not: boolean): string {
  const part = not ? `not ${one}` : one;
  return filter.trim() ? `${/\b(or)\b|\|\|/.test(filter) ? `(${filter})` : filter} and ${part}` : part;
}

/** A value that narrows the paths: a click shows "only this", "not this" and "copy". From other views it leads to the paths. */
export function Value(props: { field: string; value: string; filter: string; children?: ComponentChildren; title?: string; label?: string; copied?: string }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, [open]);
  const one = condition(props.field, props.value);
  const narrow = (not: boolean) => {
    setOpen(false);
    const filter = narrowed(props.filter, one, not);
    go(here().path === "/paths" ? changed({ filter }) : view("/paths", { filter }));
  };
  return (
    <span class="value" ref={box}>
      <button class="plain" title={props.title ?? one} aria-expanded={open} aria-label={props.label} onClick={() => setOpen(!open)}>{props.children ?? <Cut text={props.value} />}</button>
      {open && (
        <span class="menu">
          <button onClick={() => narrow(false)}>{t("Only this")}</button>
          <button onClick={() => narrow(true)}>{t("Not this")}</button>
          <button onClick={() => { setOpen(false); void copy(props.copied ?? props.value); }}>{t("Copy")}</button>
        </span>
      )}
    </span>
  );
}

/** Plain HTTP pages have no clipboard of their own. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => undefined);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

const tailSize = 9;

/** A text that is cut in its middle where there is no room: ends tell addresses of one network apart. */
export function Cut(props: { text: string }) {
  const { text } = props;
  if (text.length <= tailSize + 3) return <>{text}</>;
  return <span class="cut"><span>{text.slice(0, -tailSize)}</span><span>{text.slice(-tailSize)}</span></span>;
}

export function CopyButton(props: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  return (
    <button title={props.text} onClick={() => void copy(props.text).then(() => { setDone(true); setTimeout(() => setDone(false), 1200); })}>
      {done ? t("Copied") : props.label}
    </button>
  );
}

/** A canvas that fills its box and is drawn again when the box, the theme or `draw` changes. */
export function Drawing(props: { draw: (g: CanvasRenderingContext2D, width: number, height: number) => void; label: string; class?: string;
  onPointer?: (x: number, y: number, event: PointerEvent) => void }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const { theme } = useSettings();
  useEffect(() => {
    const canvas = ref.current!;
    const paint = () => {
      const { width, height } = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
      if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
      if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
      const g = canvas.getContext("2d")!;
      g.setTransform(scale, 0, 0, scale, 0, 0);
      g.clearRect(0, 0, width, height);
      props.draw(g, width, height);
    };
    const watch = new ResizeObserver(paint);
    watch.observe(canvas);
    paint();
    return () => watch.disconnect();
  }, [props.draw, theme]);
  const point = (event: PointerEvent) => {
    const box = ref.current!.getBoundingClientRect();
    props.onPointer?.(event.clientX - box.left, event.clientY - box.top, event);
  };
  return <canvas ref={ref} class={props.class} role="img" aria-label={props.label} onPointerDown={point} onPointerMove={point} />;
}
