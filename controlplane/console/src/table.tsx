// SPDX-License-Identifier: Apache-2.0
// A table of any length: only the rows in sight are in the page. j/k or the arrows move, Enter opens. A column may stand
// beneath another one, in a second line of the row.
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { t } from "./words";

export interface Column<Row> {
  key: string; name: string; below?: Column<Row>; width: string; title?: string; number?: boolean; sort?: (row: Row) => number | string; cell: (row: Row) => ComponentChildren;
}

export const rowHeight = 28, twoLines = 44;

export function useVirtual(count: number, scroller: { current: HTMLElement | null }, height = rowHeight) {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const options = {
    count, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 12,
    observeElementRect, observeElementOffset, scrollToFn: elementScroll, onChange: () => again(0),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  virtual.setOptions(options);
  useEffect(() => virtual._didMount(), []);
  useEffect(() => virtual._willUpdate());
  return virtual;
}

export function Table<Row>(props: {
  rows: Row[]; columns: Column<Row>[]; label: string; id: (row: Row) => string; open?: (row: Row) => void; nearEnd?: () => void;
  sort: string; onSort: (sort: string) => void; // "added", or "added.down"; "" as the rows came
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const [sortKey, down] = [props.sort.replace(/\.down$/, ""), props.sort.endsWith(".down")];
  const all = props.columns.flatMap((column) => [column, ...(column.below ? [column.below] : [])]);
  const rows = sorted(props.rows, all.find((column) => column.key === sortKey)?.sort, down);
  const double = props.columns.some((column) => column.below);
  const virtual = useVirtual(rows.length, scroller, double ? twoLines : rowHeight);
  const items = virtual.getVirtualItems();
  const last = items.length ? items[items.length - 1].index : 0;
  useEffect(() => {
    if (rows.length && last >= rows.length - 20) props.nearEnd?.();
  }, [last, rows.length]);
  const grid = props.columns.map((column) => column.width).join(" ");
  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setAt(next);
    virtual.scrollToIndex(next);
  };
  const press = (event: KeyboardEvent) => {
    if ((event.target !== scroller.current && event.target !== document.body) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j" || event.key === "ArrowDown") move(at + 1);
    else if (event.key === "k" || event.key === "ArrowUp") move(at - 1);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(rows.length - 1);
    else if (event.key === "Enter" && rows[at]) props.open?.(rows[at]);
    else return;
    event.preventDefault();
  };
  const pressed = useRef(press);
  pressed.current = press;
  useEffect(() => { // also where nothing has the focus
    const anywhere = (event: KeyboardEvent) => event.target === document.body && pressed.current(event);
    addEventListener("keydown", anywhere);
    return () => removeEventListener("keydown", anywhere);
  }, []);
  return (
    <div class={double ? "table double" : "table"} ref={scroller} role="table" aria-label={props.label} aria-rowcount={rows.length + 1} tabIndex={0} onKeyDown={press}>
      <div class="head" role="row" style={{ gridTemplateColumns: grid }}>
        {props.columns.map((column) => (
          <span key={column.key} role="columnheader" class={column.number ? "number" : ""} title={column.title}
            aria-sort={sortKey === column.key || (sortKey && sortKey === column.below?.key) ? (down ? "descending" : "ascending") : undefined}>
            {[column, ...(column.below ? [column.below] : [])].map((one) => one.sort ? (
              <button key={one.key} class="plain" onClick={() => props.onSort(sortKey !== one.key ? one.key + ".down" : down ? one.key : "")}
                title={one.title ?? t("Sort")}>{one.name}{sortKey === one.key ? (down ? " ▾" : " ▴") : ""}</button>
            ) : <span key={one.key}>{one.name}</span>)}
          </span>
        ))}
      </div>
      <div class="rows" role="rowgroup" style={{ height: virtual.getTotalSize() + "px" }}>
        {items.map((item) => {
          const row = rows[item.index];
          return (
            <div key={props.id(row)} role="row" aria-rowindex={item.index + 2} class={item.index === at ? "row at" : "row"}
              style={{ gridTemplateColumns: grid, transform: `translateY(${item.start}px)` }}
              onClick={() => setAt(item.index)} onDblClick={() => props.open?.(row)}>
              {props.columns.map((column) => <span key={column.key} role="cell" class={column.number ? "number" : ""}>{column.below ? <><span>{column.cell(row)}</span><span>{column.below.cell(row)}</span></> : column.cell(row)}</span>)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function sorted<Row>(rows: Row[], by: ((row: Row) => number | string) | null | undefined, down: boolean): Row[] {
  if (!by) return rows;
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) * (down ? -1 : 1));
  return keyed.map(({ row }) => row);
}
