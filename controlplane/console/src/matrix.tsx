// SPDX-License-Identifier: Apache-2.0
// The topology as a matrix: who sends in rows, who receives in columns, the more paths the stronger the colour. For regions that a
// drawing cannot show well.
import { useCallback, useMemo, useState } from "preact/hooks";
import { useGatewayBook } from "./gateway_book";
import { Drawing } from "./parts";
import { go, view } from "./place";
import { colour } from "./settings";
import { count } from "./time";
import { pathsOf, title, told, usualShares } from "./topology";
import type { Topology } from "./wire";
import { t } from "./words";

const cell = 18, left = 210, margin = 24, letter = 6.2; // px
const slant = -Math.PI / 3, letters = 30;

export function Matrix(props: { topology: Topology }) {
  const { topology } = props, book = useGatewayBook();
  const [over, setOver] = useState("");
  const resets = usualShares(topology).resets * 2;
  const [rows, columns, edges, most] = useMemo(() => {
    const weight = (id: string, end: "from" | "to") => topology.edges.reduce((n, edge) => n + (edge[end] === id ? Number(edge.paths) : 0), 0);
    const side = (end: "from" | "to") => topology.nodes.map((node) => ({ node, paths: weight(node.id, end) })).filter((one) => one.paths > 0).sort((a, b) => a.node.layer - b.node.layer || b.paths - a.paths).map((one) => one.node);
    return [side("from"), side("to"), new Map(topology.edges.map((edge) => [`${edge.from}|${edge.to}`, edge])), Math.max(1, ...topology.edges.map((edge) => Number(edge.paths)))] as const;
  }, [topology]);
  const top = 12 + letter * Math.min(letters, Math.max(8, ...columns.map((node) => title(node, book)[0].length))) * -Math.sin(slant);
  const cut = (text: string) => (text.length > letters ? "…" + text.slice(1 - letters) : text);
  const draw = useCallback((g: CanvasRenderingContext2D) => {
    g.font = "11px system-ui, sans-serif";
    g.fillStyle = colour("ink");
    g.textAlign = "right";
    rows.forEach((node, i) => g.fillText(cut(title(node, book)[0]), left - 8, top + i * cell + 13));
    g.textAlign = "left";
    columns.forEach((node, j) => {
      g.save();
      g.translate(left + j * cell + cell / 2, top - 6);
      g.rotate(slant);
      g.fillText(cut(title(node, book)[0]), 0, 0);
      g.restore();
    });
    rows.forEach((from, i) => columns.forEach((to, j) => {
      const edge = edges.get(`${from.id}|${to.id}`);
      g.fillStyle = colour("line");
      if (!edge) return void g.fillRect(left + j * cell + cell / 2 - 1, top + i * cell + cell / 2 - 1, 2, 2);
      const share = Math.log1p(Number(edge.paths)) / Math.log1p(most), bad = Number(edge.resets) / Number(edge.paths) > resets;
      g.fillStyle = colour(bad ? "bad" : "accent");
      g.globalAlpha = 0.2 + 0.8 * share;
      g.fillRect(left + j * cell + 1, top + i * cell + 1, cell - 2, cell - 2);
      g.globalAlpha = 1;
    }));
  }, [rows, columns, edges, most, book, top]);
  const pointer = (x: number, y: number, event: PointerEvent) => {
    const from = rows[Math.floor((y - top) / cell)], to = columns[Math.floor((x - left) / cell)], edge = from && to && x >= left && y >= top ? edges.get(`${from.id}|${to.id}`) : undefined;
    setOver(edge ? `${title(from!, book)[0]} → ${title(to!, book)[0]} · ${told(edge, from!, to!)}` : "");
    if (edge && event.type === "pointerdown" && pathsOf(from!, to!)) go(view("/paths", { filter: pathsOf(from!, to!) }));
  };
  return (
    <figure class="matrix">
      <figcaption>{t("rows send, columns receive: {0} × {1}; the stronger the colour, the more paths (at most {2}); red: resets on twice as many paths as usual here", rows.length, columns.length, count(most))} <span class="muted">{over}</span></figcaption>
      <div class="over" tabIndex={0} role="region" aria-label={t("Topology")}>
        <div style={{ width: left + columns.length * cell + top * Math.cos(-slant) + margin + "px", height: top + rows.length * cell + margin + "px" }}><Drawing class="graph" draw={draw} onPointer={pointer} label={t("Paths from each node to each other; the list of edges says the same in words")} /></div>
      </div>
    </figure>
  );
}
