// SPDX-License-Identifier: Apache-2.0
// Series over time (uPlot): bars or lines; a brush over them becomes the view's time.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { changed, go } from "./place";
import { colour, useSettings } from "./settings";
import { clock } from "./time";
import { t } from "./words";

export interface Series { label: string; values: (number | null)[]; tone: string; fill?: boolean; bars?: boolean; dash?: boolean }

export const tones = ["c1", "c2", "c3", "c4", "c5", "c6", "c7"];

const hour = (seconds: number, utc: boolean, exact: boolean) => clock(String(BigInt(Math.round(seconds * 1000)) * 1000000n), utc, 0).slice(0, exact ? 8 : 5);

/** `fit`: the scale is the data's own; else it begins at 0. `band`: the two series between which it is filled. */
interface Props {
  sinceNs: string; stepNs: string; series: Series[]; height?: number; label: string; brush?: boolean; fit?: boolean; band?: [number, number];
  format?: (value: number, step?: number) => string;
}

/** From the least value of all series to the greatest. */
function spanOf(series: Series[]): number {
  const values = series.flatMap((one) => one.values).filter((v): v is number => v !== null);
  return values.length ? Math.max(...values) - Math.min(...values) : 0;
}

function rangeOf(fit: boolean, low: number | null, high: number | null): [number, number] {
  if (!fit || low === null || high === null) return [Math.min(0, low ?? 0), Math.max(high ?? 1, 1e-9) * 1.05];
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 1e-6, 1e-9);
  return [low - room, high + room];
}

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const { theme, utc, language } = useSettings();
  useEffect(() => {
    const start = Number(BigInt(props.sinceNs) / 1000000n) / 1000, step = Number(props.stepNs) / 1e9;
    const count = props.series[0]?.values.length ?? 0;
    const times = Array.from({ length: count }, (_, i) => start + i * step);
    const span = props.fit ? spanOf(props.series) : undefined, format = props.format ?? ((value: number) => String(Math.round(value * 100) / 100));
    const ink = colour("muted"), line = colour("line");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui, sans-serif" };
    const plot = new uPlot({
      width: box.current!.clientWidth, height: props.height ?? 130,
      tzDate: (ts) => (utc ? uPlot.tzDate(new Date(ts * 1000), "Etc/UTC") : new Date(ts * 1000)),
      scales: { x: { time: true }, y: { range: (_u, low, high) => rangeOf(!!props.fit, low, high) } },
      bands: props.band ? [{ series: [props.band[0] + 1, props.band[1] + 1], fill: colour(props.series[props.band[0]]!.tone) + "40" }] : undefined,
      axes: [{ ...axis, size: 28, space: 90, values: (_u, ticks) => ticks.map((v) => hour(v, utc, step * count < 600)) }, { ...axis, size: props.fit ? 84 : 62, values: (_u, ticks, _axis, _space, step) => ticks.map((v) => format(v, step)) }],
      legend: { show: props.series.length > 1 || !props.brush, live: true },
      cursor: { drag: { x: !!props.brush, y: false, setScale: false }, points: { show: false } },
      series: [{ label: t("Time"), value: (_u, v) => (v == null ? "–" : hour(v, utc, true)) },
        ...props.series.map((one) => ({
          label: one.label, stroke: colour(one.tone), width: 1.5, dash: one.dash ? [4, 4] : undefined, spanGaps: false, points: { show: !one.bars && !one.dash && one.values.filter((v) => v !== null).length < 30, size: 4, fill: colour(one.tone) },
          fill: one.bars || one.fill ? colour(one.tone) + (one.bars ? "cc" : "33") : undefined, paths: one.bars ? uPlot.paths.bars!({ size: [0.9, 40], align: 1 }) : undefined,
          value: (_u: uPlot, v: number | null) => (v == null ? "–" : format(v, span && span / 1000)),
        }))],
      hooks: {
        setSelect: [(u) => {
          if (!props.brush || u.select.width < 4) return;
          const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
          go(changed({ since: String(BigInt(Math.floor(from * 1000)) * 1000000n), until: String(BigInt(Math.ceil(to * 1000)) * 1000000n) }));
        }],
      },
    }, [times, ...props.series.map((one) => one.values)] as uPlot.AlignedData, box.current!);
    const watch = new ResizeObserver(() => box.current && plot.setSize({ width: box.current.clientWidth, height: props.height ?? 130 }));
    watch.observe(box.current!);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [props.series, props.sinceNs, props.stepNs, theme, utc, props.height, language]);
  return <div class="chart" ref={box} role="img" aria-label={props.label} />;
}
