// SPDX-License-Identifier: Apache-2.0
// Views of a time that ends now ask again while they are looked at. The reader's switch stands in the address where it is
// not as usual.
import { useEffect, useState } from "preact/hooks";
import { changed, go, usePlace } from "./place";
import { t } from "./words";

export interface Following { tick: number; on: boolean; possible: boolean; usual: boolean; seconds: number }

/** `tick` grows every so many seconds, never while the page is hidden; at once when it is seen again after longer. */
export function useFollow(seconds: number, usual = true): Following {
  const { query } = usePlace();
  const [tick, setTick] = useState(0);
  const possible = !query.until, on = possible && (query.follow ? query.follow === "1" : usual);
  useEffect(() => {
    if (!on) return;
    let last = performance.now();
    const again = () => {
      if (document.visibilityState !== "visible" || performance.now() - last < seconds * 1000 - 50) return;
      last = performance.now();
      setTick((n) => n + 1);
    };
    const timer = setInterval(again, seconds * 1000);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [on, seconds]);
  return { tick, on, possible, usual, seconds };
}

export function FollowSwitch(props: { of: Following; class?: string }) {
  const { on, possible, usual, seconds } = props.of;
  const turn = () => go(changed({ follow: !on === usual ? "" : on ? "0" : "1" }), true);
  return (
    <label class={props.class} title={possible ? t("asks again every {0} s while the page is in sight", seconds) : t("the time shown has an end: nothing new comes into it")}>
      <input type="checkbox" checked={on} disabled={!possible} onChange={turn} />{t("follow")}
    </label>
  );
}
