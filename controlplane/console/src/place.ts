// SPDX-License-Identifier: Apache-2.0
// Where the reader is: every view is its address. Times are "15m" (until now) or ns since 1970.
import { useEffect, useState } from "preact/hooks";

export type Query = Record<string, string>;
export interface Place { path: string; query: Query }

const listeners = new Set<() => void>();

export function here(): Place {
  const query: Query = {};
  new URLSearchParams(location.search).forEach((value, name) => (query[name] = value));
  return { path: location.pathname, query };
}

export function address(path: string, query: Query = {}): string {
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  return path + (kept.length ? "?" + new URLSearchParams(kept).toString() : "");
}

/** The same view with some of its query changed; an empty value takes it away. */
export function changed(change: Query): string {
  const { path, query } = here();
  return address(path, { ...query, ...change });
}

/** Another view, with the time and filter of this one. */
export function view(path: string, query: Query = {}): string {
  const { since = "", until = "", filter = "" } = here().query;
  return address(path, { since, until, filter, ...query });
}

export function go(to: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  listeners.forEach((listener) => listener());
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    listeners.add(update);
    addEventListener("popstate", update);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
    };
  }, []);
  return place;
}

/** Plain clicks on links of the console stay in the page. */
export function followLinks(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | SVGAElement | null;
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const href = link.getAttribute("href") ?? "";
  if (!href.startsWith("/") || href.startsWith("/api/") || href.startsWith("/metrics") || href.endsWith(".txt")) return;
  event.preventDefault();
  go(href);
}
