// SPDX-License-Identifier: Apache-2.0
// What a reader chose once, kept in this browser: language, theme, local time or UTC. Nothing else is stored.
import { useEffect, useState } from "preact/hooks";

export interface Settings { language: "en" | "zh"; theme: "dark" | "light"; utc: boolean }

const key = "clew";
const listeners = new Set<() => void>();

function first(): Settings {
  const usual: Settings = {
    language: navigator.language.startsWith("zh") ? "zh" : "en",
    theme: matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark",
    utc: false,
  };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(key) ?? "{}") };
  } catch {
    return usual;
  }
}

export let settings: Settings = first();

function show(): void {
  document.documentElement.dataset.theme = settings.theme;
  document.documentElement.lang = settings.language === "zh" ? "zh-CN" : "en";
}
show();

export function choose(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  try {
    localStorage.setItem(key, JSON.stringify(settings));
  } catch {
    // private windows may refuse: the choice then lasts as long as the page
  }
  show();
  listeners.forEach((listener) => listener());
}

export function useSettings(): Settings {
  const [now, setNow] = useState(settings);
  useEffect(() => {
    const update = () => setNow(settings);
    listeners.add(update);
    return () => void listeners.delete(update);
  }, []);
  return now;
}

/** A colour of the theme, for canvases. */
export const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
