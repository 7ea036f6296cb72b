// SPDX-License-Identifier: Apache-2.0
// Why two legs are taken for one connection: the evidence in bits. And why others are not: the rivals, weighed.
import { apiAddress, useApi } from "./api";
import { Answer, Grade } from "./parts";
import { view } from "./place";
import { duration } from "./time";
import type { Evidence, Leg, Link, LinkExplanation, LinkRivals, Path, Weighing } from "./wire";
import { t } from "./words";

export const kindWords: Record<string, () => string> = {
  forward: () => t("forwarded: nothing of the addresses changed"), snat: () => t("source NAT: the client's address changed"),
  dnat: () => t("destination NAT: the server's address changed"), fullnat: () => t("full NAT: both ends changed"),
  nat64: () => t("NAT64: from IPv6 to IPv4"), relay: () => t("a proxy: two connections, joined by what they carry"),
};

export const unlinkedWords: Record<string, () => string> = {
  "no-candidate": () => t("no other leg fits: its neighbour is on a link that no tap sees, or came too late or too early"),
  "one-way": () => t("only one direction was seen here"),
  ambiguous: () => t("several legs fit as well as each other"), "capture-gap": () => t("packets around here were not captured"),
  evicted: () => t("it left the engine's window before its neighbour came"), unsupported: () => t("a kind of traffic that the engine does not link"),
  clock: () => t("the clocks of the taps are not known well enough"), folded: () => t("a repeated health check, counted and not followed"),
};

const evidenceWords: Record<string, () => string> = {
  isn_forward: () => t("the client's initial sequence number is the same"), isn_reverse: () => t("the server's initial sequence number is the same"),
  seq_ack_pair: () => t("the same sequence and acknowledgement numbers in packets of both"), constant_delta: () => t("sequence numbers differ by one constant throughout"),
  payload_head: () => t("the same first bytes of the stream"), payload_sample: () => t("the same payload in sampled packets"), toa: () => t("the TOA option names the other side's client"),
  proxy_header: () => t("the PROXY header names the other side's client"), request_id: () => t("the same X-Request-ID"), traceparent: () => t("the same traceparent"),
  forwarded_for: () => t("X-Forwarded-For or Forwarded names the other side's client"), tls_random: () => t("the same TLS ClientHello random"), dns_query: () => t("the same DNS id and name"),
  quic_cid: () => t("the same QUIC connection id"), http_request: () => t("the same HTTP method, host and path"), icmp_echo: () => t("the same echo sequence numbers and payloads"),
  same_client: () => t("client address and port unchanged"), same_server: () => t("server address and port unchanged"), tcp_options: () => t("TCP options agree"), ip_id: () => t("IP identifications agree"),
  same_process: () => t("both sockets belong to one process"), timing: () => t("order and distance in time"), ttl: () => t("TTLs agree with the order of the hops"), tunnel: () => t("the same inner addresses in another tunnel"),
  contradiction: () => t("something that should have survived did not"), known_proxy: () => t("whoever opened the connection behind opens such for others all the time"),
  asked_target: () => t("the client told its proxy to connect to the other side's server"), dns_question: () => t("a forwarder asked the same name and type anew"),
};

function Ledger(props: { evidence: Evidence[] }) {
  const most = Math.max(1, ...props.evidence.map((one) => Math.abs(one.bits)));
  return (
    <table class="evidence">
      <caption class="hidden">{t("Evidence")}</caption>
      <thead><tr><th scope="col">{t("Evidence")}</th><th scope="col">{t("bits")}</th><th scope="col" aria-label={t("bar")}></th></tr></thead>
      <tbody>
        {props.evidence.map((one) => (
          <tr key={one.by}>
            <td title={one.by}>{evidenceWords[one.by]?.() ?? one.by}</td><td class="number">{one.bits > 0 ? "+" : ""}{one.bits.toFixed(1)}</td>
            <td><span class={one.bits < 0 ? "bits against" : "bits"} style={{ width: `${(Math.abs(one.bits) / most) * 100}%` }} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Why(props: { link: Link; path: Path; close: () => void; askRivals: (leg: string) => void }) {
  const { link, path } = props, from = path.legs[link.from];
  return (
    <section class="why" aria-label={t("Why linked")}>
      <header>
        <h2>{t("Why linked")}: {from?.tap} – {path.legs[link.to]?.tap} <Grade grade={link.grade} /></h2>
        <button onClick={props.close} aria-label={t("Close")}>×</button>
      </header>
      <p>
        {t("{0} bits of evidence that both are one connection", link.bits.toFixed(1))};{" "}
        {link.rivals > 0 ? t("{0} rivals, the next {1} bits behind", link.rivals, link.margin_bits.toFixed(1)) : t("no rival was found")}.{" "}
        {kindWords[link.kind]?.()}
      </p>
      <Ledger evidence={link.evidence} />
      <dl class="facts">
        {link.delta_to_server !== undefined && <><dt>{t("seq to server")}</dt><dd>{link.delta_to_server === 0 ? t("unchanged") : "Δ " + link.delta_to_server}</dd></>}
        {link.delta_to_client !== undefined && <><dt>{t("seq to client")}</dt><dd>{link.delta_to_client === 0 ? t("unchanged") : "Δ " + link.delta_to_client}</dd></>}
        {link.changes && <><dt>{t("changes")}</dt><dd>{link.changes}</dd></>}
        {link.clock && <><dt>{t("clocks")}</dt><dd>{duration(Number(link.clock.offset_ns))} ±{duration(Number(link.clock.error_ns))}</dd></>}
      </dl>
      {from && <button onClick={() => props.askRivals(from.leg_id)}>{t("Why not others")}</button>}
    </section>
  );
}

const wayWords: Record<string, () => string> = {
  "same-connection": () => t("as one connection, passed on by a gateway"), relay: () => t("as a proxy's front and back connection"), "relay-reversed": () => t("as a proxy's back and front connection"),
};

/** Why the sum did not do, or what stood in its way where it did. */
function verdict(one: LinkExplanation, weighing: Weighing): string {
  const bits = weighing.bits.toFixed(1);
  if (weighing.accepted) return one.unlinked_b === "linked" ? t("{0} bits would be enough, but it stands in another path, which more speaks for", bits) : t("{0} bits would be enough, but another leg fits as well or better", bits);
  if (weighing.bits_needed > 0 && weighing.bits >= weighing.bits_needed) return t("{0} bits are enough in sum, but nothing in it identifies the connection", bits);
  return weighing.bits_needed > 0 ? t("{0} bits of the {1} that are asked for", bits, weighing.bits_needed.toFixed(0)) : t("{0} bits, and no rule that is met", bits);
}

function Rival(props: { one: LinkExplanation }) {
  const { one } = props, best = one.weighings.reduce((a, b) => (b.bits > a.bits ? b : a));
  return (
    <details class="rival">
      <summary>
        <b>{one.b.tap}</b> {one.b.client} → {one.b.server} <small>{wayWords[best.way]?.()}: {verdict(one, best)}</small>
      </summary>
      {one.path_b && <a class="button" href={view("/path/" + one.path_b)}>{t("its path")}</a>}
      {one.weighings.filter((weighing) => weighing === best || weighing.evidence.length > 0).map((weighing) => (
        <div key={weighing.way}><h3>{wayWords[weighing.way]?.() ?? weighing.way}: {verdict(one, weighing)}</h3><Ledger evidence={weighing.evidence} /></div>
      ))}
    </details>
  );
}

/** Which legs of other paths could stand beside this one. The linker weighs them now: of legs that have aged out nothing is told. */
export function Rivals(props: { leg: Leg; close: () => void }) {
  const { leg } = props, asked = useApi<LinkRivals>(apiAddress("links/rivals", { leg: leg.leg_id }));
  return (
    <section class="why" aria-label={t("Why not others")}>
      <header>
        <h2>{t("Why not others")}: {leg.tap} <small>{leg.client} → {leg.server}</small></h2>
        <button onClick={props.close} aria-label={t("Close")}>×</button>
      </header>
      <Answer of={asked} empty={(list) => !list.rivals?.length && t("No leg of another path has anything in common with this one that could identify a connection.")}>
        {(list) => <>{list.rivals.map((one) => <Rival key={one.b.leg_id} one={one} />)}</>}
      </Answer>
    </section>
  );
}
