// SPDX-License-Identifier: Apache-2.0
// The question of the view that is shown, as the page asked it last: what "curl" copies.
import { useEffect, useState } from "preact/hooks";

let shown = "";
const listeners = new Set<() => void>();

function say(what: string): void {
  shown = what;
  listeners.forEach((listener) => listener());
}

/** A view says its own; of several that it asks, the one that it is about. */
export function useQuestion(what: string): void {
  useEffect(() => {
    say(what);
    return () => say("");
  }, [what]);
}

export function useShownQuestion(): string {
  const [now, setNow] = useState(shown);
  useEffect(() => {
    const update = () => setNow(shown);
    listeners.add(update);
    update();
    return () => void listeners.delete(update);
  }, []);
  return now;
}
