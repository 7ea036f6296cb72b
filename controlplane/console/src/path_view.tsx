// SPDX-License-Identifier: Apache-2.0
// One path, left to right: each leg with the addresses as written there, each link with its grade, delays and losses; the
// way back beneath. A grade opens why the two legs are taken for one connection.
import { useEffect, useState } from "preact/hooks";
import { apiAddress, useApi } from "./api";
import { ComparedPaths } from "./compare_paths";
import { Fates, LostAtHop } from "./fates";
import { Answer, CopyButton, Grade, Value } from "./parts";
import { address, changed, go, here, usePlace, view } from "./place";
import { useQuestion } from "./question";
import { useSettings } from "./settings";
import { bytes, clock, count, duration } from "./time";
import { useTitle } from "./title";
import type { Delay, FlowAnalysis, Leg, Link, Path } from "./wire";
import { t } from "./words";

const kindWords: Record<string, () => string> = {
  forward: () => t("forwarded: nothing of the addresses changed"), snat: () => t("source NAT: the client's address changed"),
  dnat: () => t("destination NAT: the server's address changed"), fullnat: () => t("full NAT: both ends changed"),
  nat64: () => t("NAT64: from IPv6 to IPv4"), relay: () => t("a proxy: two connections, joined by what they carry"),
};

const unlinkedWords: Record<string, () => string> = {
  "no-candidate": () => t("no other leg fits: its neighbour is on a link that no tap sees, or came too late or too early"),
  "one-way": () => t("only one direction was seen here"),
  ambiguous: () => t("several legs fit as well as each other"), "capture-gap": () => t("packets around here were not captured"),
  evicted: () => t("it left the engine's window before its neighbour came"), unsupported: () => t("a kind of traffic that the engine does not link"),
  clock: () => t("the clocks of the taps are not known well enough"), folded: () => t("a repeated health check, counted and not followed"),
};

/** The link that adds more than half of what all links together do. */
function slowest(path: Path): number {
  const means = path.links.map((link) => Math.max(0, Number(link.delays.find((one) => one.direction === "to_server")?.mean_ns ?? 0)));
  const most = Math.max(...means, 0);
  return means.length > 1 && most > 0 && most * 2 > means.reduce((a, b) => a + b, 0) ? means.indexOf(most) : -1;
}

function Delayed(props: { delay?: Delay; arrow: string; socket: boolean; most?: boolean }) {
  const { delay } = props;
  if (!delay) return <span class="delay muted" title={props.socket ? t("a socket has no packets to compare") : t("no packet was seen at both")}>{props.arrow} –</span>;
  const mean = Number(delay.mean_ns), error = Number(delay.error_ns);
  const vague = error > Math.abs(mean);
  return (
    <span class={vague ? "delay vague" : props.most ? "delay most" : "delay"}
      title={t("mean of {0} packets seen at both taps; least {1}, most {2}; ±{3}", delay.samples, duration(Number(delay.min_ns)), duration(Number(delay.max_ns)), duration(error))
        + (vague ? " · " + t("the error is larger than the figure") : props.most ? " · " + t("most of the path's added delay") : "")}>
      {props.arrow} {duration(mean)} <small>±{duration(error)}</small>
    </span>
  );
}

/** Packets that one side saw and the other did not, where the engine does not tell them apart. */
function Missing(props: { from?: Leg; to?: Leg; way: "to_server" | "to_client"; relay: boolean; told: boolean }) {
  const [first, second] = props.way === "to_server" ? [props.from, props.to] : [props.to, props.from];
  if (props.relay || first?.observer === "socket" || second?.observer === "socket") return null;
  const before = Number(first?.[props.way]?.packets ?? 0), behind = Number(second?.[props.way]?.packets ?? 0);
  const missing = before - behind;
  // A tap that sees the other way alone misses nothing of this one.
  if (behind === 0 || missing <= 0 || props.told || second?.[props.way]?.missed) return null;
  return <span class="warn" title={t("seen before and not behind: lost on the way, or not captured; the ladder tells which")}>✕ {t("{0} missing", missing)}</span>;
}

function Joint(props: { link: Link; path: Path; chosen: boolean; choose: () => void }) {
  const { link, path } = props;
  const from = path.legs[link.from], to = path.legs[link.to];
  const socket = from?.observer === "socket" || to?.observer === "socket";
  const relay = link.kind === "relay";
  const told = (direction: string) => link.losses?.some((one) => one.direction === direction) ?? false;
  const way = (direction: string) => link.delays.find((one) => one.direction === direction);
  return (
    <li class="joint">
      <span class="kind" title={kindWords[link.kind]?.()}>{link.kind}</span>
      <Delayed delay={way("to_server")} arrow="→" socket={socket} most={slowest(path) === path.links.indexOf(link)} />
      <LostAtHop losses={link.losses} direction="to_server" />
      <Missing from={from} to={to} way="to_server" relay={relay} told={told("to_server")} />
      <span class="wire"><Grade grade={link.grade} onClick={props.choose} pressed={props.chosen} label={t("why linked: {0} {1}, grade {2}", link.kind, `${from?.tap} – ${to?.tap}`, link.grade)} /></span>
      <Delayed delay={way("to_client")} arrow="←" socket={socket} />
      <LostAtHop losses={link.losses} direction="to_client" />
      <Missing from={from} to={to} way="to_client" relay={relay} told={told("to_client")} />
      {link.changes && <span class="changes" title={t("what the gateway did to the packets")}>{link.changes}</span>}
    </li>
  );
}

/** `field` holds for a path's own ends; addresses between them are asked for on any leg, without the port. */
function End(props: { name: string; text: string; other: boolean; side: "client" | "server"; field?: string }) {
  const { query } = usePlace();
  const { text, field } = props;
  const value = field ? text : text.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return (
    <div class="end">
      <small>{props.name}</small>
      <span class={props.other ? "changed" : ""}><Value field={field ?? (props.side === "client" ? "ip.src" : "ip.dst")} value={value} copied={text} filter={query.filter ?? ""}>{text}</Value></span>
    </div>
  );
}

/** TCP as this tap saw it, by Wireshark's names; what did not happen is left out. */
function Tcp(props: { leg: Leg }) {
  const { tcp } = props.leg;
  if (!tcp) return null;
  const of = (flow: FlowAnalysis | undefined, arrow: string) => {
    if (!flow) return [];
    const parts: [number, string][] = [[flow.retransmissions_fast, t("fast retr.")], [flow.retransmissions_timeout, t("RTO retr.")], [flow.retransmissions_spurious, t("spurious retr.")],
      [flow.out_of_order, t("out of order")], [flow.duplicate_acks, t("duplicate ACKs")], [flow.zero_windows, t("zero window")], [flow.windows_full, t("window full")]];
    const rtt = flow.rtt?.count ? [`${arrow} RTT ${duration(Number(flow.rtt.sum_ns) / flow.rtt.count)}`] : [];
    return [...rtt, ...parts.filter(([n]) => n > 0).map(([n, name]) => `${arrow} ${n} ${name}`)];
  };
  const shake = Number(tcp.handshake_server_ns) > 0 ? [`${t("handshake")} → ${duration(Number(tcp.handshake_server_ns))}${Number(tcp.handshake_client_ns) > 0 ? ` ← ${duration(Number(tcp.handshake_client_ns))}` : ""}`] : [];
  const lines = [...shake, ...of(tcp.to_server, "→"), ...of(tcp.to_client, "←")];
  return lines.length ? <div class="tcp" title={t("from this tap: handshake to the server and to the client; round trips to who receives, mean")}>{lines.map((line) => <small key={line}>{line}</small>)}</div> : null;
}

function LegCard(props: { leg: Leg; before?: Leg; last: boolean }) {
  const { leg, before } = props;
  const flow = (f: Leg["to_server"], arrow: string) => f && Number(f.packets) > 0 && (
    <div title={t("packets, bytes, retransmissions, TTL of the first packet")}>
      {arrow} {count(f.packets)} {leg.observer !== "socket" && <small>· {bytes(f.bytes)} · TTL {f.ttl}</small>} {f.retransmissions > 0 && <b class="warn">{t("{0} retr.", f.retransmissions)}</b>}
      {f.missed > 0 && <b class="warn" title={t("passed this tap and were not captured: not lost")}> ▢ {t("{0} not captured", count(f.missed))}</b>}
    </div>
  );
  return (
    <li class={"leg " + leg.observer}>
      <header><b>{leg.tap}</b> <small>{leg.observer === "socket" ? t("socket") : leg.observer === "nic" ? t("NIC") : t("mirror")} · {t("clock {0}", leg.clock)}</small></header>
      {leg.process && <div class="process" title={t("process and its number")}>⚙ {leg.process} <small>{leg.pid}</small></div>}
      <End name={t("client")} text={leg.client} other={!!before && before.client !== leg.client} side="client" field={before ? undefined : "path.client"} />
      <End name={t("server")} text={leg.server} other={!!before && before.server !== leg.server} side="server" field={!before ? "path.service" : props.last ? "path.server" : undefined} />
      {leg.layers.map((layer, i) => (
        <div key={i} class="tunnel" title={`${layer.client_end} → ${layer.server_end}`}>{layer.type}{layer.id !== undefined ? " " + layer.id : ""} <small>{layer.client_end && `${layer.client_end} → ${layer.server_end}`}</small></div>
      ))}
      {leg.server_mac && <div class="mac" title={t("from MAC to MAC: the second is the next gateway's")}><small>{leg.client_mac} → {leg.server_mac}</small></div>}
      {(leg.app || leg.server_name) && <div class="application" title={t("application, and the server's name as the client asked for it")}>{leg.app} <small>{leg.server_name}</small></div>}
      {flow(leg.to_server, "→")}
      {flow(leg.to_client, "←")}
      <Tcp leg={leg} />
      <footer><small>{leg.end === "none" ? t("open") : t("ended: {0}", leg.end)}</small></footer>
    </li>
  );
}

function Why(props: { link: Link; path: Path; close: () => void }) {
  const { link, path } = props;
  const most = Math.max(1, ...link.evidence.map((one) => Math.abs(one.bits)));
  return (
    <section class="why" aria-label={t("Why linked")}>
      <header>
        <h2>{t("Why linked")}: {path.legs[link.from]?.tap} – {path.legs[link.to]?.tap} <Grade grade={link.grade} /></h2>
        <button onClick={props.close} aria-label={t("Close")}>×</button>
      </header>
      <p>
        {t("{0} bits of evidence that both are one connection", link.bits.toFixed(1))};{" "}
        {link.rivals > 0 ? t("{0} rivals, the next {1} bits behind", link.rivals, link.margin_bits.toFixed(1)) : t("no rival was found")}.{" "}
        {kindWords[link.kind]?.()}
      </p>
      <table class="evidence">
        <caption class="hidden">{t("Evidence")}</caption>
        <thead><tr><th scope="col">{t("Evidence")}</th><th scope="col">{t("bits")}</th><th scope="col" aria-label={t("bar")}></th></tr></thead>
        <tbody>
          {link.evidence.map((one) => (
            <tr key={one.by}>
              <td>{one.by.replaceAll("_", " ")}</td><td class="number">{one.bits > 0 ? "+" : ""}{one.bits.toFixed(1)}</td>
              <td><span class={one.bits < 0 ? "bits against" : "bits"} style={{ width: `${(Math.abs(one.bits) / most) * 100}%` }} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl class="facts">
        {link.delta_to_server !== undefined && <><dt>{t("seq to server")}</dt><dd>{link.delta_to_server === 0 ? t("unchanged") : "Δ " + link.delta_to_server}</dd></>}
        {link.delta_to_client !== undefined && <><dt>{t("seq to client")}</dt><dd>{link.delta_to_client === 0 ? t("unchanged") : "Δ " + link.delta_to_client}</dd></>}
        {link.changes && <><dt>{t("changes")}</dt><dd>{link.changes}</dd></>}
        {link.clock && <><dt>{t("clocks")}</dt><dd>{duration(Number(link.clock.offset_ns))} ±{duration(Number(link.clock.error_ns))}</dd></>}
      </dl>
    </section>
  );
}

/** The link whose evidence is open, -1: none. A key asks the address itself: keys may come before the view is drawn anew. */
const chosenLink = (query = here().query) => (query.why === undefined ? -1 : Number(query.why));

export function Lanes(props: { path: Path; second?: boolean }) {
  const { query } = usePlace();
  const { path } = props;
  const chosen = chosenLink(query);
  const choose = (i: number) => go(changed({ why: chosen === i ? "" : String(i) }), true);
  useEffect(() => {
    if (props.second || !path.links.length) return;
    const press = (event: KeyboardEvent) => {
      if (!/^w$/i.test(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
      const next = chosenLink() + (event.key === "w" ? 1 : -1);
      go(changed({ why: path.links[next] ? String(next) : next < -1 ? String(path.links.length - 1) : "" }), true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [path, props.second]);
  const after = (i: number) => path.links.findIndex((link) => link.from === i && link.to === i + 1);
  return (
    <>
      <ol class="lanes" aria-label={t("From client to server")} tabIndex={0}>
        {path.legs.map((leg, i) => {
          const link = after(i);
          return [
            <LegCard key={leg.leg_id} leg={leg} before={path.legs[i - 1]} last={i + 1 === path.legs.length} />,
            link >= 0 ? <Joint key={"link" + i} link={path.links[link]} path={path} chosen={chosen === link} choose={() => choose(link)} />
              : i + 1 < path.legs.length ? <li key={"gap" + i} class="joint muted">⋯</li> : null,
          ];
        })}
      </ol>
      <Fates path={path} />
      {path.unlinked !== "linked" && <p class="note"><b>{t("Why not linked")}:</b> {path.unlinked} — {unlinkedWords[path.unlinked]?.() ?? t("the engine found no link with enough evidence")}</p>}
      {path.links[chosen] && <Why link={path.links[chosen]} path={path} close={() => choose(chosen)} />}
    </>
  );
}

function Other(props: { id: string; to?: Path }) {
  const other = useApi<Path>(apiAddress("paths/" + props.id));
  return <Answer of={other}>{(path) => <>{props.to && <ComparedPaths one={props.to} other={path} />}<Title path={path} second /><Lanes path={path} second /></>}</Answer>;
}

function Title(props: { path: Path; second?: boolean }) {
  const { utc } = useSettings();
  const { path } = props;
  const first = path.legs[0], last = path.legs[path.legs.length - 1];
  return (
    <h1 class="title">
      <span class="ends">{first?.process && `${first.process} `}{first?.client} → {last?.server}{last?.process && last !== first ? ` ${last.process}` : ""}</span>
      <small>{path.proto} · {clock(path.first_ns, utc, 6, true)} · {t("path {0}", path.path_id)}</small>
    </h1>
  );
}

export function PathView(props: { id: string }) {
  const { query } = usePlace();
  const question = apiAddress("paths/" + props.id), asked = useApi<Path>(question);
  useQuestion(question);
  const first = asked.value?.legs[0], last = asked.value?.legs[asked.value.legs.length - 1];
  useTitle(first ? `${first.client} → ${last?.server} · ${t("path {0}", props.id)} · Clew` : "");
  const [vs, setVs] = useState(query.vs ?? "");
  useEffect(() => setVs(query.vs ?? ""), [query.vs]);
  return (
    <div class="page wide">
      <Answer of={asked}>
        {(path) => (
          <>
            <Title path={path} />
            {path.retracted && <p class="note partial">{t("This path was taken back: its legs stand in another now.")} {path.merged_into && <a href={address("/path/" + path.merged_into)}>{path.merged_into}</a>}</p>}
            <div class="strip">
              <a class="button" href={view("/ladder/" + path.path_id)}>{t("Ladder")}</a>
              <a class="button" href={view("/ladder/" + path.path_id, { show: "sequence" })}>{t("Time-sequence")}</a>
              <a class="button" href={apiAddress("paths/" + path.path_id)} download={`path-${path.path_id}.json`}>JSON</a>
              <CopyButton text={`clew pcap ${path.path_id} -w path-${path.path_id}.pcapng`} label={t("Copy clew pcap")} />
              <form onSubmit={(event) => { event.preventDefault(); go(changed({ vs: vs.trim() })); }}>
                <label>{t("compare with")} <input class="short" value={vs} placeholder={t("path id")} onInput={(event) => setVs(event.currentTarget.value)} /></label>
              </form>
              <a class="button" href={view("/paths", { vs: path.path_id })}>{t("choose the other one")}</a>
            </div>
            <Lanes path={path} />
          </>
        )}
      </Answer>
      {query.vs && <Other id={query.vs} to={asked.value} />}
    </div>
  );
}
