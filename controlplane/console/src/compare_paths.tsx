// SPDX-License-Identifier: Apache-2.0
// Two paths, tap by tap: which instance each went through, what that added, and where they differ.
import { useGatewayBook, type GatewayBook } from "./gateway_book";
import { duration } from "./time";
import type { Delay, Leg, Path } from "./wire";
import { t } from "./words";

interface Side { leg?: Leg; delay?: Delay; kind: string }

/** The taps of both in the order of the first, what only the second has where it stands there; a tap twice on a path counts on. */
function rowsOf(one: Path, other: Path): { tap: string; sides: [Side, Side] }[] {
  const named = (path: Path) => {
    const times = new Map<string, number>();
    return path.legs.map((leg, i) => {
      const n = (times.get(leg.tap) ?? 0) + 1, link = path.links.find((link) => link.from === i && link.to === i + 1);
      times.set(leg.tap, n);
      return { tap: n > 1 ? `${leg.tap} ${n}` : leg.tap, side: { leg, kind: link?.kind ?? "", delay: link?.delays.find((d) => d.direction === "to_server") } };
    });
  };
  const first = named(one), second = named(other), taps = first.map((row) => row.tap);
  second.forEach((row, i) => {
    if (!taps.includes(row.tap)) taps.splice(i ? taps.indexOf(second[i - 1]!.tap) + 1 : 0, 0, row.tap);
  });
  const side = (rows: typeof first, tap: string): Side => rows.find((row) => row.tap === tap)?.side ?? { kind: "" };
  return taps.map((tap) => ({ tap, sides: [side(first, tap), side(second, tap)] }));
}

/** By a fifth and by more than both errors: as two times are compared. */
function otherDelay(a?: Delay, b?: Delay): boolean {
  if (!a || !b) return !a !== !b;
  const apart = Math.abs(Number(a.mean_ns) - Number(b.mean_ns));
  return apart > Number(a.error_ns) + Number(b.error_ns) && apart > 0.2 * Math.min(Math.abs(Number(a.mean_ns)), Math.abs(Number(b.mean_ns)));
}

const packets = (leg: Leg) => Number(leg.to_server?.packets ?? 0) + Number(leg.to_client?.packets ?? 0);
const again = (leg: Leg) => (leg.to_server?.retransmissions ?? 0) + (leg.to_client?.retransmissions ?? 0);
const host = (end: string) => end.replace(/:\d+$/, "");

interface Figure { head: () => string; title: () => string; text: (side: Side, name: GatewayBook["name"]) => string; differs?: (a: Side, b: Side) => boolean }

const same = (of: (leg: Leg) => string | number) => (a: Side, b: Side) => !!a.leg && !!b.leg && of(a.leg) !== of(b.leg);
const figures: Figure[] = [
  { head: () => t("Client"), title: () => t("as written there; marked where the address differs, whatever the port"), text: ({ leg }) => leg?.client ?? "–", differs: same((leg) => host(leg.client)) },
  { head: () => t("Server"), title: () => t("as written there; marked where it differs"), text: ({ leg }) => leg?.server ?? "–", differs: same((leg) => leg.server) },
  { head: () => t("Instance"), title: () => t("the MAC its frames go to"), text: ({ leg }, name) => (leg?.server_mac ? name(leg.server_mac) : "–"), differs: same((leg) => leg.server_mac) },
  { head: () => t("TTL"), title: () => t("of the first packet to the server"), text: ({ leg }) => String(leg?.to_server?.ttl || "–"), differs: same((leg) => leg.to_server?.ttl ?? 0) },
  { head: () => t("Added"), title: () => t("delay to the next tap, towards the server; marked where it differs by a fifth and by more than both errors"),
    text: ({ delay }) => (delay ? `${duration(Number(delay.mean_ns))} ±${duration(Number(delay.error_ns))}` : "–"), differs: (a, b) => otherDelay(a.delay, b.delay) },
  { head: () => t("Packets"), title: () => t("both ways"), text: ({ leg }) => (leg ? String(packets(leg)) : "–") },
  { head: () => t("Retr."), title: () => t("both ways"), text: ({ leg }) => (leg ? String(again(leg)) : "–"), differs: same((leg) => Number(again(leg) > 0)) },
  { head: () => t("End"), title: () => t("how its legs ended"), text: ({ leg }) => leg?.end ?? "–", differs: same((leg) => leg.end) },
];

export function ComparedPaths(props: { one: Path; other: Path }) {
  const book = useGatewayBook();
  return (
    <div class="over" tabIndex={0} role="region" aria-label={t("Two paths compared")}>
      <h2>{t("Two paths compared")} <small>{t("above {0}, beneath {1}", props.one.path_id, props.other.path_id)}</small></h2>
      <table class="plain-table two-paths">
        <thead><tr><th scope="col">{t("Tap")}</th>{figures.map((figure) => <th key={figure.title()} scope="col" title={figure.title()}>{figure.head()}</th>)}</tr></thead>
        <tbody>
          {rowsOf(props.one, props.other).map(({ tap, sides: [a, b] }) => (
            <tr key={tap}>
              <th scope="row">{tap} {(!a.leg || !b.leg) && <small class="warn">{a.leg ? t("the first only") : t("the second only")}</small>}</th>
              {figures.map((figure) => {
                const differs = figure.differs?.(a, b) ?? false;
                return <td key={figure.title()}><div>{figure.text(a, book.name)}</div><div class={differs ? "differs" : ""}>{figure.text(b, book.name)}</div></td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
