// SPDX-License-Identifier: Apache-2.0
// The region as columns: client networks, gateways in the order they are crossed, servers. What is too much to draw stands
// together and says so. A click on a node or an edge shows its paths.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { apiAddress, asking, rangeOf, useApi } from "./api";
import { FollowSwitch, useFollow } from "./follow";
import { useGatewayBook, type GatewayBook } from "./gateway_book";
import { Matrix } from "./matrix";
import { Answer } from "./parts";
import { changed, go, usePlace, view } from "./place";
import { useQuestion } from "./question";
import { count } from "./time";
import type { Topology, TopologyNode } from "./wire";
import { t } from "./words";

const nodeHeight = 34, gap = 12, nodeWidthMax = 236, nodeWidthMin = 140, betweenMin = 26, betweenUsual = 60, margin = 10; // px
const scaleMin = 0.7; // of a drawing that is wider than the page: smaller could not be read
const nameLetter = 7.25, smallLetter = 6.4; // px

interface Placed { node: TopologyNode; x: number; y: number; inY: number; outY: number }

function layers(topology: Topology): TopologyNode[][] {
  const last = Math.max(1, ...topology.nodes.filter((n) => n.role !== "server").map((n) => n.layer)) + 1;
  const columns: TopologyNode[][] = [];
  for (const node of topology.nodes) (columns[node.role === "client" ? 0 : node.role === "server" ? last : Math.max(1, node.layer)] ??= []).push(node);
  return columns.filter(Boolean);
}

interface Drawn { placed: Map<string, Placed>; nodeWidth: number; width: number; height: number; scale: number }

/** Columns from left to right, within the room as far as they can be read; within one, by the mean height of what leads there, so that few edges cross. */
function place(topology: Topology, room: number): Drawn {
  const columns = layers(topology), placed = new Map<string, Placed>();
  const tallest = Math.max(...columns.map((c) => c.length)) * (nodeHeight + gap);
  const gaps = Math.max(1, columns.length - 1), nodeWidth = Math.max(nodeWidthMin, Math.min(nodeWidthMax, (room - gaps * betweenUsual) / columns.length));
  const between = Math.max(betweenMin, (room - columns.length * nodeWidth) / gaps);
  columns.forEach((column, i) => {
    const weight = new Map(column.map((node) => {
      const before = topology.edges.filter((e) => e.to === node.id && placed.has(e.from));
      const sum = before.reduce((n, e) => n + Number(e.paths), 0);
      return [node.id, sum ? before.reduce((n, e) => n + placed.get(e.from)!.y * Number(e.paths), 0) / sum : -Number(node.paths) / 1e12] as const;
    }));
    column.sort((a, b) => weight.get(a.id)! - weight.get(b.id)! || Number(b.paths) - Number(a.paths));
    column.forEach((node, n) => placed.set(node.id, { node, x: i * (nodeWidth + between), y: n * (nodeHeight + gap) + nodeHeight / 2, inY: 0, outY: 0 }));
  });
  const width = columns.length * (nodeWidth + between) - between;
  return { placed, nodeWidth, width, height: tallest, scale: Math.max(scaleMin, Math.min(1, room / width)) };
}

/** What a node is called, and what it is. */
export function title(node: TopologyNode, book: GatewayBook): [string, string] {
  if (node.role !== "gateway" || node.name === "…") return [node.name === "…" ? t("the others") : node.name, node.role === "client" ? t("clients") : node.role === "server" ? t("server") : t("gateways")];
  const [kind, from, to, instance] = node.name.split("|");
  return [instance ? book.name(instance) : node.name, `${kind} ${from} → ${to}`];
}

/** The paths of an edge; none where an end is "the others": they have no filter, and the other end's alone would show more. */
export const pathsOf = (a: TopologyNode, b: TopologyNode) => (a.filter && b.filter ? `${a.filter} and ${b.filter}` : "");

/** Instances differ in their last digits, taps in their first. */
const cutLeft = (text: string, letters: number) => (text.length > letters ? "…" + text.slice(text.length - letters + 1) : text);
const cutRight = (text: string, letters: number) => (text.length > letters ? text.slice(0, letters - 1) + "…" : text);

/** What an edge counts, and what its link finds where that is not the same. */
export function told(edge: Topology["edges"][0], a: TopologyNode, b: TopologyNode): string {
  const words = t("{0} paths · {1} with a reset · {2} with retransmissions", edge.paths, edge.resets, edge.retransmitting);
  if (!pathsOf(a, b)) return `${words} · ${t("no link: the others have no filter")}`;
  return a.role === "gateway" && b.role === "gateway" ? `${words} · ${t("the link shows the paths that cross both, in any order")}` : words;
}

/** The shares of all edges' paths: what stands out is compared with them, and 1 in 100 at least. */
export function usualShares(topology: Topology): { resets: number; again: number } {
  const sum = (of: (e: Topology["edges"][0]) => string) => topology.edges.reduce((n, e) => n + Number(of(e)), 0), paths = Math.max(1, sum((e) => e.paths));
  return { resets: Math.max(0.01, sum((e) => e.resets) / paths), again: Math.max(0.01, sum((e) => e.retransmitting) / paths) };
}

function Graph(props: { topology: Topology }) {
  const { topology } = props, book = useGatewayBook();
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(1200);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setRoom(box.current!.clientWidth - 2 * margin));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  const { placed, nodeWidth, width, height, scale } = useMemo(() => place(topology, room), [topology, room]);
  const usual = useMemo(() => usualShares(topology), [topology]);
  const [over, setOver] = useState("");
  const most = Math.max(1, ...topology.edges.map((e) => Number(e.paths)));
  return (
    <div class="over graph-box" ref={box} tabIndex={0} role="region" aria-label={t("Topology")}>
      <svg class="topology" width={width * scale + 2 * margin} height={height * scale + 2 * margin} viewBox={`${-margin / scale} ${-margin / scale} ${width + (2 * margin) / scale} ${height + (2 * margin) / scale}`} role="group" aria-label={t("Topology")}>
        {topology.edges.map((edge) => {
          const a = placed.get(edge.from), b = placed.get(edge.to);
          if (!a || !b) return null;
          const back = b.x <= a.x;
          const x1 = a.x + nodeWidth, x2 = b.x, bend = back ? 60 : (x2 - x1) / 2;
          const bad = Number(edge.resets) / Number(edge.paths), again = Number(edge.retransmitting) / Number(edge.paths);
          const near = over === edge.from || over === edge.to;
          const line = (
            <path d={`M${x1} ${a.y}C${x1 + bend} ${a.y} ${x2 - bend} ${b.y} ${x2} ${b.y}`} class={`edge ${bad > usual.resets * 2 ? "bad" : again > usual.again * 2 ? "warn" : ""} ${near ? "near" : ""}`} style={{ strokeWidth: 1 + 9 * Math.sqrt(Number(edge.paths) / most) + "px" }}>
              <title>{told(edge, a.node, b.node)}</title>
            </path>
          );
          const filter = pathsOf(a.node, b.node);
          if (!filter) return <g key={edge.from + edge.to}>{line}</g>;
          return (
            <a key={edge.from + edge.to} href={view("/paths", { filter })} aria-label={t("{0} paths from {1} to {2}", edge.paths, title(a.node, book)[0], title(b.node, book)[0])}>
              {line}
            </a>
          );
        })}
        {[...placed.values()].map(({ node, x, y }) => {
          const [name, small] = title(node, book);
          const body = (
            <g onPointerEnter={() => setOver(node.id)} onPointerLeave={() => setOver("")}>
              <rect x={x} y={y - nodeHeight / 2} width={nodeWidth} height={nodeHeight} rx="5" class={"node " + node.role} />
              <text x={x + 9} y={y - 2} class="name">{cutLeft(name, Math.floor((nodeWidth - 14) / nameLetter))}</text>
              <text x={x + 9} y={y + 11} class="small">{cutRight(small, Math.floor((nodeWidth - 14) / smallLetter) - count(node.paths).length - 3)} · {count(node.paths)}</text>
              <title>{`${name} · ${small} · ${t("{0} paths", node.paths)}`}</title>
            </g>
          );
          return node.filter ? <a key={node.id} href={view("/paths", { filter: node.filter })}>{body}</a> : <g key={node.id}>{body}</g>;
        })}
      </svg>
    </div>
  );
}

const edgesMax = 500;

/** Beyond what a drawing shows well: its edges as rows, those of most paths first. */
function EdgeList(props: { topology: Topology }) {
  const book = useGatewayBook();
  const nodes = new Map(props.topology.nodes.map((node) => [node.id, node]));
  const edges = [...props.topology.edges].sort((a, b) => Number(b.paths) - Number(a.paths)).slice(0, edgesMax);
  return (
    <table class="plain-table edges">
      <caption class={props.topology.edges.length > edgesMax ? "" : "hidden"}>{t("{0} of {1} edges, those of most paths first", edges.length, props.topology.edges.length)}</caption>
      <thead><tr><th scope="col">{t("from")}</th><th scope="col">{t("to")}</th><th scope="col" class="number">{t("paths")}</th><th scope="col" class="number">{t("reset")}</th><th scope="col" class="number">{t("retr.")}</th></tr></thead>
      <tbody>
        {edges.map((edge) => {
          const a = nodes.get(edge.from)!, b = nodes.get(edge.to)!;
          return (
            <tr key={edge.from + edge.to}>
              <td>{title(a, book)[0]} <small>{title(a, book)[1]}</small></td><td>{title(b, book)[0]} <small>{title(b, book)[1]}</small></td>
              <td class="number" title={told(edge, a, b)}>{pathsOf(a, b) ? <a href={view("/paths", { filter: pathsOf(a, b) })}>{count(edge.paths)}</a> : count(edge.paths)}</td><td class="number">{count(edge.resets)}</td><td class="number">{count(edge.retransmitting)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const shows = ["", "matrix", "edges"];
const nodeCounts = ["30", "60", "120", "300"];

export function TopologyView() {
  const { query } = usePlace();
  const range = rangeOf(query), filter = query.filter ?? "";
  const nodes = nodeCounts.includes(query.nodes ?? "") ? query.nodes! : nodeCounts[0]!, show = shows.includes(query.show ?? "") ? query.show! : "";
  const following = useFollow(20), { tick } = following;
  const key = `${range.since}|${range.until}|${filter}|${nodes}|${tick}`;
  const question = useMemo(() => apiAddress("topology", asking(range, filter, { limit: nodes })), [key]);
  useQuestion(question);
  const asked = useApi<Topology>(question, tick);
  return (
    <div class="page wide">
      <h1 class="hidden">{t("Topology")}</h1>
      <div class="strip">
        <label>{t("nodes at most")} <select value={nodes} onChange={(event) => go(changed({ nodes: event.currentTarget.value === nodeCounts[0] ? "" : event.currentTarget.value }), true)}>{nodeCounts.map((n) => <option key={n}>{n}</option>)}</select></label>
        <label>{t("as")} <select aria-label={t("shown as")} value={show} onChange={(event) => go(changed({ show: event.currentTarget.value }), true)}>
          <option value="">{t("a drawing")}</option><option value="matrix">{t("a matrix")}</option><option value="edges">{t("a list of edges")}</option>
        </select></label>
        <FollowSwitch of={following} />
        {show === "" && <span class="muted">{t("width: paths; orange: retransmissions, red: resets, on twice as many paths as usual here")}</span>}
      </div>
      <Answer of={asked} empty={(value) => value.edges.length === 0 && t("No path in this time. Trust shows whether the taps get packets.")}>
        {(value) => (show === "edges" ? <EdgeList topology={value} /> : show === "matrix" ? <Matrix topology={value} /> : <Graph topology={value} />)}
      </Answer>
    </div>
  );
}
