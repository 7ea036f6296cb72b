// SPDX-License-Identifier: Apache-2.0
// What became of a path's packets, in sentences: openings that were not answered, ICMP errors, resets and who sent them,
// loops, and losses told apart: on the wire, past the capture, not known.
import { bytes, count } from "./time";
import type { Leg, LinkLoss, Opening, Path, Reset } from "./wire";
import { t } from "./words";

export const toServer = (direction: string) => direction === "to_server";
const way = (direction: string) => (toServer(direction) ? t("to the server") : t("to the client"));

function openingText(path: Path, one: Opening): string {
  const tap = (i: number | undefined) => path.legs[i ?? 0]?.tap ?? "?";
  const relay = one.last_leg + 1 < path.legs.length;
  if (one.fate === "refused") return relay ? t("the relay's side refused the connection with a reset") : t("the server's side refused the connection with a reset");
  if (one.fate === "unreachable") return t("the connection was refused by an ICMP error");
  if (one.fate === "answer-lost") return t("the SYN-ACK was seen at {0} and not at {1}: lost between them on its way to the client", tap(one.from_leg), tap(one.to_leg));
  if (one.to_leg !== undefined) return t("the SYN was seen last at {0}, not at {1}: lost between them ({2} SYNs)", tap(one.from_leg), tap(one.to_leg), one.syn_count);
  const place = t("the SYN was seen last at {0}; no tap behind it saw it, and nothing answered ({1} SYNs)", tap(one.from_leg), one.syn_count);
  return one.gateway ? `${place}. ${t("It was sent to the gateway {0}, whose packets are usually seen next at {1}", one.gateway, one.usual_tap)}` : place;
}

export const senders: Record<string, () => string> = { client: () => t("the client"), server: () => t("the server"), relay: () => t("the relay"), middlebox: () => t("a middlebox") };

function resetText(path: Path, one: Reset): string {
  const tap = (i: number) => path.legs[i]?.tap ?? "?";
  const by = senders[one.by]?.() ?? one.by;
  const place = one.by !== "middlebox" ? by : one.from_leg !== undefined
    ? t("a middlebox between {0} and {1}", tap(one.from_leg), tap(one.to_leg)) : t("a middlebox before {0}: its TTL is not the sender's", tap(one.to_leg));
  const text = t("reset {0}, sent by {1}", way(one.direction), place);
  return one.certain ? text : `${text}, ${t("or by what stands before {0}", tap(one.to_leg))}`;
}

function lossTexts(path: Path): string[] {
  const losses = path.links.flatMap((link) => link.losses ?? []), sum = (of: (one: LinkLoss) => number) => losses.reduce((n, one) => n + of(one), 0);
  const beyond = (path.losses ?? []).filter((one) => one.fate === "network" && (one.from_leg === undefined || one.to_leg === undefined)).reduce((n, one) => n + one.times, 0);
  const missed = path.legs.map((leg) => ({ tap: leg.tap, count: (leg.to_server?.missed ?? 0) + (leg.to_client?.missed ?? 0) })).filter((one) => one.count > 0);
  const least = (n: number) => (path.losses_partial ? "≥ " : "") + count(n);
  const out: string[] = [];
  if (sum((one) => one.lost) > 0) out.push(t("packets lost on the wire between taps: {0}", least(sum((one) => one.lost))));
  if (beyond > 0) out.push(t("packets sent again for a loss beyond the taps: {0}", least(beyond)));
  if (sum((one) => one.unknown) > 0) out.push(t("packets of unknown fate between taps: {0}", count(sum((one) => one.unknown))));
  if (missed.length) out.push(t("packets that the capture missed at {1} (not lost: they passed): {0}", least(missed.reduce((n, one) => n + one.count, 0)), [...new Set(missed.map((one) => one.tap))].join(", ")));
  return out;
}

function loopTexts(leg: Leg): string[] {
  return [leg.to_server?.loop, leg.to_client?.loop].flatMap((loop) => (loop ? [t("routing loop at {0}: one packet came by {1} times, TTL {2} → {3}", leg.tap, loop.laps + 1, loop.ttl_first, loop.ttl_last)] : []));
}

/** Nothing where nothing went wrong. */
export function Fates(props: { path: Path }) {
  const { path } = props;
  const lines = [
    ...(path.openings ?? []).filter((one) => one.fate !== "answered").map((one) => openingText(path, one)),
    ...(path.icmp_errors ?? []).map((one) => t("ICMP: {0} from {1} at tap {2}, about packets {3}", one.meaning, one.reporter, path.legs[one.leg]?.tap ?? "?", way(one.direction))),
    ...(path.resets ?? []).map((one) => resetText(path, one)), ...path.legs.flatMap(loopTexts), ...lossTexts(path),
  ];
  if (!lines.length) return null;
  return <section class="fates" aria-label={t("What happened")}><h2>{t("What happened")}</h2><ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul></section>;
}

/** One direction's losses at a hop: on the wire (sent again), and of unknown fate. */
export function LostAtHop(props: { losses: LinkLoss[] | undefined; direction: string }) {
  const loss = props.losses?.find((one) => one.direction === props.direction);
  if (!loss) return null;
  return (
    <>
      {loss.lost > 0 && <span class="bad" title={t("lost on the wire between these taps and sent again: {0}", bytes(loss.lost_bytes))}>✕ {t("{0} lost", count(loss.lost))}</span>}
      {loss.unknown > 0 && <span class="warn" title={t("neither acknowledged nor sent again: lost or not captured, {0}", bytes(loss.unknown_bytes))}>? {t("{0} unknown", count(loss.unknown))}</span>}
    </>
  );
}
