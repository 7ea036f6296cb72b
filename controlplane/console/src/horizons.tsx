// SPDX-License-Identifier: Apache-2.0
// How far one can look back: the rows of paths and legs, and each sensor's headers and packets; what they take and may take.
import { useSettings } from "./settings";
import { bytes, clock, count, duration } from "./time";
import type { Counter, Status } from "./wire";
import { t } from "./words";

interface Horizon { what: string; of: string; oldestNs: string; number: string; size: string; sizeMax: string; dropped: number }

const value = (counters: Counter[], name: string) => counters.find((one) => one.name === name && !one.tap)?.value ?? "0";

/** `one` and `many`: what a log's counters are named after. */
function logOf(of: string, what: string, counters: Counter[], one: string, many: string): Horizon[] {
  if (!counters.some((counter) => counter.name === many)) return [];
  const dropped = counters.filter((counter) => counter.name.startsWith(`${many}_dropped`)).reduce((sum, counter) => sum + Number(counter.value), 0);
  return [{ what, of, oldestNs: value(counters, `${many}_oldest_ns`), number: value(counters, many), size: value(counters, `${one}_bytes`), sizeMax: value(counters, `${one}_bytes_max`), dropped }];
}

function horizonsOf(status: Status): Horizon[] {
  const own = status.counters;
  return [
    { what: t("paths and legs"), of: "clew-control", oldestNs: value(own, "store_oldest_ns"), number: "", size: value(own, "store_bytes"), sizeMax: value(own, "store_bytes_max"), dropped: 0 },
    ...status.observers.flatMap((one) => [
      ...logOf(one.name, t("headers"), one.counters, "vault_header", "vault_headers"),
      ...logOf(one.name, t("packets"), one.counters, "vault_packet", "vault_packets"),
    ]),
  ];
}

export function Horizons(props: { status: Status }) {
  const { utc } = useSettings();
  const heads: [string, string][] = [
    [t("what"), ""], [t("of"), ""], [t("back to"), t("the oldest that is kept; budgets let the oldest leave")], [t("that is"), ""], [t("packets"), t("on disk now")],
    [t("on disk"), ""], [t("budget"), t("beyond it the oldest leave")], [t("dropped"), t("since the sensor started, with a full backlog or a full or failing disk; which, among the counters below")],
  ];
  return (
    <table class="plain-table horizons">
      <thead><tr>{heads.map(([name, title], i) => <th key={i} scope="col" title={title} class={i > 2 ? "number" : ""}>{name}</th>)}</tr></thead>
      <tbody>
        {horizonsOf(props.status).map((one) => {
          const known = one.oldestNs !== "0";
          return (
            <tr key={one.of + one.what}>
              <th scope="row">{one.what}</th><td>{one.of}</td>
              <td>{known ? clock(one.oldestNs, utc, 0, true) : t("nothing is kept yet")}</td>
              <td class="number">{known ? duration(Math.max(0, Date.now() * 1e6 - Number(one.oldestNs))) : "–"}</td>
              <td class="number">{one.number ? count(one.number) : "–"}</td>
              <td class="number">{bytes(one.size)}</td>
              <td class="number">{one.sizeMax === "0" ? t("none") : bytes(one.sizeMax)}</td>
              <td class={one.dropped > 0 ? "number bad" : "number"}>{count(one.dropped)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
