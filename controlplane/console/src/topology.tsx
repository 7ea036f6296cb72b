// SPDX-License-Identifier: Apache-2.0
// The region as columns: client networks, gateways in the order they are crossed, servers. What is too much to draw stands
// together and says so. A click on a node or an edge shows its paths.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { apiAddress, asking, rangeOf, useApi } from "./api";
import { Answer } from "./parts";
import { usePlace, view } from "./place";
import { count } from "./time";
import type { Topology, TopologyNode } from "./wire";
import { t } from "./words";

const nodeHeight = 34, gap = 12, nodeWidth = 168, betweenMin = 44;

interface Placed { node: TopologyNode; x: number; y: number; inY: number; outY: number }

function layers(topology: Topology): TopologyNode[][] {
  const last = Math.max(1, ...topology.nodes.filter((n) => n.role !== "server").map((n) => n.layer)) + 1;
  const columns: TopologyNode[][] = [];
  for (const node of topology.nodes) (columns[node.role === "client" ? 0 : node.role === "server" ? last : Math.max(1, node.layer)] ??= []).push(node);
  return columns.filter(Boolean);
}

/** Columns from left to right; within one, by the mean height of what leads there, so that few edges cross. */
function place(topology: Topology, room: number): { placed: Map<string, Placed>; width: number; height: number } {
  const columns = layers(topology), placed = new Map<string, Placed>();
  const tallest = Math.max(...columns.map((c) => c.length)) * (nodeHeight + gap);
  const between = Math.max(betweenMin, (room - columns.length * nodeWidth) / Math.max(1, columns.length - 1));
  columns.forEach((column, i) => {
    const weight = new Map(column.map((node) => {
      const before = topology.edges.filter((e) => e.to === node.id && placed.has(e.from));
      const sum = before.reduce((n, e) => n + Number(e.paths), 0);
      return [node.id, sum ? before.reduce((n, e) => n + placed.get(e.from)!.y * Number(e.paths), 0) / sum : -Number(node.paths) / 1e12] as const;
    }));
    column.sort((a, b) => weight.get(a.id)! - weight.get(b.id)! || Number(b.paths) - Number(a.paths));
    column.forEach((node, n) => placed.set(node.id, { node, x: i * (nodeWidth + between), y: n * (nodeHeight + gap) + nodeHeight / 2, inY: 0, outY: 0 }));
  });
  return { placed, width: columns.length * (nodeWidth + between) - between, height: tallest };
}

function title(node: TopologyNode): [string, string] {
  if (node.role !== "gateway" || node.name === "…") return [node.name === "…" ? t("the others") : node.name, node.role === "client" ? t("clients") : node.role === "server" ? t("server") : t("gateways")];
  const [kind, from, to, instance] = node.name.split("|");
  return [instance ?? node.name, `${kind} ${from} → ${to}`];
}

const both = (a: string, b: string) => [a, b].filter(Boolean).join(" and ");

function Graph(props: { topology: Topology }) {
  const { topology } = props;
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(1200);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setRoom(box.current!.clientWidth - 24));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  const { placed, width, height } = useMemo(() => place(topology, room), [topology, room]);
  const usual = useMemo(() => {
    const sum = (of: (e: Topology["edges"][0]) => string) => topology.edges.reduce((n, e) => n + Number(of(e)), 0);
    const paths = Math.max(1, sum((e) => e.paths));
    return { resets: sum((e) => e.resets) / paths, again: sum((e) => e.retransmitting) / paths };
  }, [topology]);
  const [over, setOver] = useState("");
  const most = Math.max(1, ...topology.edges.map((e) => Number(e.paths)));
  return (
    <div class="over graph-box" ref={box} tabIndex={0} role="region" aria-label={t("Topology")}>
      <svg class="topology" width={width + 20} height={height + 20} viewBox={`-10 -10 ${width + 20} ${height + 20}`} role="group" aria-label={t("Topology")}>
        {topology.edges.map((edge) => {
          const a = placed.get(edge.from), b = placed.get(edge.to);
          if (!a || !b) return null;
          const back = b.x <= a.x;
          const x1 = a.x + nodeWidth, x2 = b.x, bend = back ? 60 : (x2 - x1) / 2;
          const bad = Number(edge.resets) / Number(edge.paths), again = Number(edge.retransmitting) / Number(edge.paths);
          const near = over === edge.from || over === edge.to;
          return (
            <a key={edge.from + edge.to} href={view("/paths", { filter: both(a.node.filter, b.node.filter) })} aria-label={t("{0} paths from {1} to {2}", edge.paths, title(a.node)[0], title(b.node)[0])}>
              <path d={`M${x1} ${a.y}C${x1 + bend} ${a.y} ${x2 - bend} ${b.y} ${x2} ${b.y}`} class={`edge ${bad > Math.max(0.02, usual.resets * 2) ? "bad" : again > Math.max(0.02, usual.again * 2) ? "warn" : ""} ${near ? "near" : ""}`} style={{ strokeWidth: 1 + 9 * Math.sqrt(Number(edge.paths) / most) + "px" }}>
                <title>{t("{0} paths · {1} with a reset · {2} with retransmissions", edge.paths, edge.resets, edge.retransmitting)}</title>
              </path>
            </a>
          );
        })}
        {[...placed.values()].map(({ node, x, y }) => {
          const [name, small] = title(node);
          const body = (
            <g onPointerEnter={() => setOver(node.id)} onPointerLeave={() => setOver("")}>
              <rect x={x} y={y - nodeHeight / 2} width={nodeWidth} height={nodeHeight} rx="5" class={"node " + node.role} />
              <text x={x + 9} y={y - 2} class="name">{name.length > 23 ? name.slice(0, 22) + "…" : name}</text>
              <text x={x + 9} y={y + 11} class="small">{small.length > 22 ? small.slice(0, 21) + "…" : small} · {count(node.paths)}</text>
              <title>{`${name} · ${small} · ${t("{0} paths", node.paths)}`}</title>
            </g>
          );
          return node.filter ? <a key={node.id} href={view("/paths", { filter: node.filter })}>{body}</a> : <g key={node.id}>{body}</g>;
        })}
      </svg>
    </div>
  );
}

/** Beyond what a drawing shows well: the same as rows. */
function Matrix(props: { topology: Topology }) {
  const nodes = new Map(props.topology.nodes.map((node) => [node.id, node]));
  const edges = [...props.topology.edges].sort((a, b) => Number(b.paths) - Number(a.paths)).slice(0, 500);
  return (
    <table class="plain-table">
      <thead><tr><th scope="col">{t("from")}</th><th scope="col">{t("to")}</th><th scope="col" class="number">{t("paths")}</th><th scope="col" class="number">{t("reset")}</th><th scope="col" class="number">{t("retr.")}</th></tr></thead>
      <tbody>
        {edges.map((edge) => {
          const a = nodes.get(edge.from)!, b = nodes.get(edge.to)!;
          return (
            <tr key={edge.from + edge.to}>
              <td>{title(a)[0]} <small>{title(a)[1]}</small></td><td>{title(b)[0]} <small>{title(b)[1]}</small></td>
              <td class="number"><a href={view("/paths", { filter: both(a.filter, b.filter) })}>{count(edge.paths)}</a></td><td class="number">{count(edge.resets)}</td><td class="number">{count(edge.retransmitting)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function TopologyView() {
  const { query } = usePlace();
  const range = rangeOf(query), filter = query.filter ?? "";
  const [nodes, setNodes] = useState("30");
  const [matrix, setMatrix] = useState(false);
  const key = `${range.since}|${range.until}|${filter}|${nodes}`;
  const asked = useApi<Topology>(useMemo(() => apiAddress("topology", asking(range, filter, { limit: nodes })), [key]));
  return (
    <div class="page wide">
      <h1 class="hidden">{t("Topology")}</h1>
      <div class="strip">
        <label>{t("nodes at most")} <select value={nodes} onChange={(event) => setNodes(event.currentTarget.value)}>{["30", "60", "120", "300"].map((n) => <option key={n}>{n}</option>)}</select></label>
        <label><input type="checkbox" checked={matrix} onChange={() => setMatrix(!matrix)} />{t("as a table")}</label>
        <span class="muted">{t("width: paths; orange: retransmissions, red: resets, on twice as many paths as usual here")}</span>
      </div>
      <Answer of={asked} empty={(value) => value.edges.length === 0 && t("No path in this time. Trust shows whether the taps get packets.")}>
        {(value) => (matrix ? <Matrix topology={value} /> : <Graph topology={value} />)}
      </Answer>
    </div>
  );
}
