// SPDX-License-Identifier: Apache-2.0
// What the browser's tab and its history call a view: the view and what it is about.
import { useEffect } from "preact/hooks";
import type { Place } from "./place";
import { t } from "./words";

/** An object that only an answer tells, a path's ends, is set by its view over this. */
export function titleOf({ path, query }: Place): string {
  const filter = query.filter ?? "", group = (query.group ?? "").replace("|", " ").replace("|", " → ");
  const one = /^\/(path|ladder)\/([0-9a-f]+)$/i.exec(path);
  const [view, object] = one ? [one[1] === "path" ? t("path {0}", one[2]) : query.show === "sequence" ? t("Time-sequence") : t("Ladder"), one[1] === "path" ? "" : t("path {0}", one[2])]
    : path === "/" ? [t("Home"), filter] : path === "/paths" ? [t("Paths"), filter] : path === "/gateways" ? [t("Gateways"), group || filter]
    : path === "/compare" ? [t("Two times compared"), group || filter] : path === "/topology" ? [t("Topology"), filter] : path === "/trust" ? [t("Trust"), filter] : ["", ""];
  return [object, view, "Clew"].filter(Boolean).join(" · ");
}

export function useTitle(title: string): void {
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
}
