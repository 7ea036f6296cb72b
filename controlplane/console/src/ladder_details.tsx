// SPDX-License-Identifier: Apache-2.0
// What is chosen in the ladder: one packet as each tap saw it, or the sums, delays and round trips of a range.
import { useMemo } from "preact/hooks";
import { ackNumber, ACK, delayError, Fate, flagText, type Numbers, type Rows, sequenceNumber, words } from "./ladder";
import { spanOf, type Spread } from "./ladder_range";
import { useSettings } from "./settings";
import { bytes, clock, count, duration, plus } from "./time";
import { t } from "./words";

const fateWords: Record<number, () => string> = {
  [Fate.lost]: () => t("✕ lost: sent again later"), [Fate.gap]: () => t("▢ capture gap: others saw it, or it was acknowledged"), [Fate.unknown]: () => t("? not seen: lost or not captured"),
  [Fate.recut]: () => t("≡ its bytes passed here in other segments: the stream was cut anew"),
};

const signed = (ns: number) => (ns < 0 ? "−" : "") + duration(Math.abs(ns));

/** How long after the tap before, by one clock, with its ±. */
function delayText(rows: Rows, i: number, tap: number): string {
  const delay = rows.delay[i * rows.taps + tap], error = delayError(rows, i, tap);
  if (Number.isNaN(delay)) return "–";
  return (delay < 0 ? "−" : "+") + duration(Math.abs(delay)) + (error < 0 ? "" : ` ±${duration(error)}`);
}

function Packet(props: { rows: Rows; row: number; tcp: boolean; numbers: Numbers }) {
  const { rows, row: i, tcp, numbers } = props;
  const { utc } = useSettings();
  return (
    <table class="cells">
      <caption>{t("packet {0}", i + 1)}: {words(rows, i, tcp, numbers)}</caption>
      <thead><tr>{["tap", "time", "delay", "seq", "ack", "len", "flags", "TTL", "IP-ID", "win"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
      <tbody>
        {rows.columns.map((leg, j) => {
          const k = i * rows.taps + j, way = rows.toServer[i], scale = rows.scale[j * 2 + way];
          if (rows.fate[k] !== Fate.seen)
            return <tr key={leg.leg_id}><th scope="row">{leg.tap}</th><td colSpan={9} class="muted">{fateWords[rows.fate[k]]?.() ?? t("another connection: a proxy stands between")}</td></tr>;
          return (
            <tr key={leg.leg_id}>
              <th scope="row">{leg.tap}</th><td>{clock(plus(rows.startNs, rows.at[k]), utc, 6)}</td><td>{delayText(rows, i, j)}</td>
              <td>{tcp ? sequenceNumber(rows, k, j, way, numbers) : "–"}</td><td>{tcp && rows.flags[k] & ACK ? ackNumber(rows, k, j, way, numbers) : "–"}</td><td>{rows.length[k]}</td><td>{flagText(rows.flags[k])}</td><td>{rows.ttl[k]}</td><td>{rows.id[k]}</td>
              <td title={tcp ? (scale < 0 ? t("its scale is not known: not both SYNs were seen here") : t("scaled: {0}", bytes(rows.window[k] * 2 ** scale))) : undefined}>{rows.window[k]}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function SpreadCells(props: { spread: Spread; error?: string }) {
  const { samples, min, mean, max } = props.spread;
  return <><td class="number">{signed(min)}</td><td class="number">{signed(mean)}</td><td class="number">{signed(max)}</td><td class="number">{props.error ?? ""}</td><td class="number">{samples}</td></>;
}

function Range(props: { rows: Rows; from: number; to: number }) {
  const { rows, from, to } = props;
  const span = useMemo(() => spanOf(rows, from, to), [rows, from, to]);
  const names = rows.columns.map((leg) => leg.tap), way = (toServer: boolean) => (toServer ? t("to the server") : t("to the client"));
  const heads = [t("least"), t("mean"), t("most"), "±", t("packets")];
  return (
    <>
      <p role="status" class="sums">
        <b>{t("{0} packets", span.packets)}</b> ({from + 1}–{to + 1}) · {t("{0} to the server, {1} to the client", span.toServer, span.packets - span.toServer)} · {bytes(span.bytes)} · {duration(span.ns)}
        {span.ns > 0 && ` · ${count(Number(((span.bytes * 8 * 1e9) / span.ns).toPrecision(3)))}bit/s · ${count(Number(((span.packets * 1e9) / span.ns).toPrecision(3)))}/s`} · {t("{0} retr.", span.again)} · <span title={t("lost on the wire and sent again")}>✕ {span.lost}</span> · <span title={t("passed but was not captured at a tap")}>▢ {span.gaps}</span>
      </p>
      <div class="spreads">
        {span.hops.length > 0 && (
          <table class="cells hops">
            <caption title={t("of packets that both taps saw")}>{t("delay per hop")}</caption>
            <thead><tr><th scope="col"></th>{heads.map((head) => <th key={head} scope="col" class="number">{head}</th>)}</tr></thead>
            <tbody>{span.hops.map((hop) => <tr key={`${hop.from} ${hop.to}`}><th scope="row">{names[hop.from]} → {names[hop.to]}</th><SpreadCells spread={hop.spread} error={hop.error < 0 ? "?" : `±${duration(hop.error)}`} /></tr>)}</tbody>
          </table>
        )}
        {span.trips.length > 0 && (
          <table class="cells trips">
            <caption title={t("from data to the packet that acknowledges it, both as this tap saw them; what was sent twice is left out")}>{t("round trips at each tap")}</caption>
            <thead><tr><th scope="col"></th>{heads.map((head) => <th key={head} scope="col" class="number">{head === "±" ? "" : head}</th>)}</tr></thead>
            <tbody>{span.trips.map((trip) => <tr key={`${trip.tap} ${trip.toServer}`}><th scope="row">{names[trip.tap]} · {way(trip.toServer === 1)}</th><SpreadCells spread={trip.spread} /></tr>)}</tbody>
          </table>
        )}
      </div>
    </>
  );
}

export function Details(props: { rows: Rows; from: number; to: number; row: number; tcp: boolean; numbers: Numbers }) {
  const { rows, from, to, row } = props;
  if (row < 0) return <p class="muted">{t("Choose a packet; with Shift a range.")}</p>;
  return from === to ? <Packet {...props} /> : <Range rows={rows} from={from} to={to} />;
}
