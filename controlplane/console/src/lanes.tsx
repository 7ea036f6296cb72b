// SPDX-License-Identifier: Apache-2.0
// A path's legs from client to server, each with the addresses as written there, and between them what each gateway added,
// lost and changed. Where the two ways pass other taps, each way has a lane of its own. A grade opens why two legs are one.
import { useEffect } from "preact/hooks";
import { Fates, LostAtHop } from "./fates";
import { useGatewayBook } from "./gateway_book";
import { Grade, Value } from "./parts";
import { changed, go, here, usePlace, view } from "./place";
import { bytes, count, duration } from "./time";
import { kindWords, unlinkedWords, Rivals, Why } from "./why";
import type { Delay, FlowAnalysis, Leg, LinkLoss, Path } from "./wire";
import { t } from "./words";

type Way = "to_server" | "to_client";
const arrows: Record<Way, string> = { to_server: "→", to_client: "←" };
const both: Way[] = ["to_server", "to_client"];

/** The link that adds more than half of what all links together do. */
function slowest(path: Path): number {
  const means = path.links.map((link) => Math.max(0, Number(link.delays.find((one) => one.direction === "to_server")?.mean_ns ?? 0)));
  const most = Math.max(...means, 0);
  return means.length > 1 && most > 0 && most * 2 > means.reduce((a, b) => a + b, 0) ? means.indexOf(most) : -1;
}

function Delayed(props: { delay?: Delay; way: Way; socket: boolean; most?: boolean }) {
  const { delay } = props, arrow = props.way === "to_server" ? "→" : "←";
  if (!delay) return <span class="delay muted" title={props.socket ? t("a socket has no packets to compare") : t("no packet was seen at both")}>{arrow} –</span>;
  const mean = Number(delay.mean_ns), error = Number(delay.error_ns);
  const vague = error > Math.abs(mean);
  return (
    <span class={vague ? "delay vague" : props.most ? "delay most" : "delay"}
      title={t("mean of {0} packets seen at both taps; least {1}, most {2}; ±{3}", delay.samples, duration(Number(delay.min_ns)), duration(Number(delay.max_ns)), duration(error))
        + (vague ? " · " + t("the error is larger than the figure") : props.most ? " · " + t("most of the path's added delay") : "")}>
      {arrow} {duration(mean)} <small>±{duration(error)}</small>
    </span>
  );
}

/** Packets that one side saw and the other did not, where the engine does not tell them apart. */
function Missing(props: { from?: Leg; to?: Leg; way: Way; relay: boolean; told: boolean }) {
  const [first, second] = props.way === "to_server" ? [props.from, props.to] : [props.to, props.from];
  if (props.relay || first?.observer === "socket" || second?.observer === "socket") return null;
  const before = Number(first?.[props.way]?.packets ?? 0), behind = Number(second?.[props.way]?.packets ?? 0);
  const missing = before - behind;
  // A tap that sees the other way alone misses nothing of this one.
  if (behind === 0 || missing <= 0 || props.told || second?.[props.way]?.missed) return null;
  return <span class="warn" title={t("seen before and not behind: lost on the way, or not captured; the ladder tells which")}>✕ {t("{0} missing", missing)}</span>;
}

/** What stands between two legs that follow each other in a lane: one link, or those past legs that carry the other way alone. */
interface Part { from: number; to: number; links: number[] }

const sum = (losses: LinkLoss[], of: (one: LinkLoss) => number) => losses.reduce((n, one) => n + of(one), 0);

function lossesOf(path: Path, part: Part, way: Way): LinkLoss[] {
  const found = part.links.flatMap((link) => path.links[link]!.losses ?? []).filter((one) => one.direction === way);
  if (found.length < 2) return found;
  return [{ direction: way, lost: sum(found, (one) => one.lost), lost_bytes: String(sum(found, (one) => Number(one.lost_bytes))), unknown: sum(found, (one) => one.unknown), unknown_bytes: String(sum(found, (one) => Number(one.unknown_bytes))) }];
}

function delayOf(path: Path, part: Part, way: Way): Delay | undefined {
  if (part.to === part.from + 1) return path.links[part.links[0]!]?.delays.find((one) => one.direction === way);
  return path.spans?.find((one) => one.direction === way && one.from === part.from && one.to === part.to)?.delay;
}

/** The gateway between two legs, as its inventory entry or its MAC names it, with what was learnt of it. */
function Instance(props: { from?: Leg; to?: Leg; kind: string }) {
  const { from, to, kind } = props, book = useGatewayBook();
  if (!from?.server_mac || !to || from.observer === "socket" || to.observer === "socket") return null;
  const mac = from.server_mac, profile = book.profile(mac, from.tap, to.tap), added = profile?.delays.find((one) => one.direction === "to_server");
  const learnt = added ? " · " + t("learnt: adds {0} ±{1}, p99 {2}", duration(Number(added.p50_ns)), duration(Number(added.error_ns)), duration(Number(added.p99_ns))) : "";
  return <a class="instance" href={view("/paths", { filter: `gw.instance == "${mac}"${kind ? ` and link.kind == ${kind}` : ""}` })} title={t("the gateway that {0} frames go to: {1}; its paths", from.tap, mac) + learnt}>{book.name(mac)}</a>;
}

function Joint(props: { path: Path; part: Part; ways: Way[]; chosen: number; choose: (link: number) => void }) {
  const { path, part, ways } = props;
  const from = path.legs[part.from], to = path.legs[part.to], links = part.links.map((link) => path.links[link]!);
  const socket = from?.observer === "socket" || to?.observer === "socket", kinds = [...new Set(links.map((link) => link.kind))];
  const most = part.links.includes(slowest(path)) && part.links.length === 1;
  const told = (way: Way) => lossesOf(path, part, way).length > 0;
  const lines = (way: Way) => ways.includes(way) && (
    <>
      <Delayed delay={delayOf(path, part, way)} way={way} socket={socket} most={most && way === "to_server"} />
      <LostAtHop losses={lossesOf(path, part, way)} direction={way} />
      <Missing from={from} to={to} way={way} relay={kinds.includes("relay")} told={told(way)} />
    </>
  );
  return (
    <li class="joint">
      <span class="kind" title={kinds.map((kind) => kindWords[kind]?.()).join("; ")}>{kinds.length > 1 ? kinds.filter((kind) => kind !== "forward").join(" + ") : kinds[0]}</span>
      {part.links.length === 1 && <Instance from={from} to={to} kind={kinds[0] ?? ""} />}
      {lines("to_server")}
      <span class="wire">{part.links.map((n, i) => <Grade key={n} grade={links[i]!.grade} onClick={() => props.choose(n)} pressed={props.chosen === n} label={t("why linked: {0} {1}, grade {2}", links[i]!.kind, `${path.legs[links[i]!.from]?.tap} – ${path.legs[links[i]!.to]?.tap}`, links[i]!.grade)} />)}</span>
      {lines("to_client")}
      {links.map((link) => link.changes && <span key={link.from} class="changes" title={t("what the gateway did to the packets")}>{link.changes.split(", ").map((one) => changeWords[one]?.() ?? one).join(", ")}</span>)}
    </li>
  );
}

const changeWords: Record<string, () => string> = {
  "stripped timestamps": () => t("stripped timestamps"), "added TOA": () => t("added TOA"), "stripped TOA": () => t("stripped TOA"), "changed MSS": () => t("changed MSS"),
  "added PROXY header": () => t("added PROXY header"), "entered tunnel": () => t("entered tunnel"), "left tunnel": () => t("left tunnel"), "changed IP-ID": () => t("changed IP-ID"),
  "answered the handshake itself": () => t("answered the handshake itself"),
};

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
function Tcp(props: { leg: Leg; ways: Way[] }) {
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
  const lines = [...shake, ...props.ways.flatMap((way) => of(tcp[way], arrows[way]))];
  return lines.length ? <div class="tcp" title={t("from this tap: handshake to the server and to the client; round trips to who receives, mean")}>{lines.map((line) => <small key={line}>{line}</small>)}</div> : null;
}

function LegCard(props: { leg: Leg; number: number; before?: Leg; last: boolean; ways: Way[]; choose: () => void; chosen: boolean }) {
  const { leg, before } = props;
  const flow = (way: Way) => {
    const f = leg[way];
    return f && props.ways.includes(way) && Number(f.packets) > 0 && (
      <div key={way} title={t("packets, bytes, retransmissions, TTL of the first packet")}>
        {arrows[way]} {count(f.packets)} {leg.observer !== "socket" && <small>· {bytes(f.bytes)} · TTL {f.ttl}</small>} {f.retransmissions > 0 && <b class="warn">{t("{0} retr.", f.retransmissions)}</b>}
        {f.missed > 0 && <b class="warn" title={t("passed this tap and were not captured: not lost")}> ▢ {t("{0} not captured", count(f.missed))}</b>}
      </div>
    );
  };
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
      {both.map(flow)}
      <Tcp leg={leg} ways={props.ways} />
      <footer>
        <small>{leg.end === "none" ? t("open") : t("ended: {0}", leg.end)}</small>
        {leg.observer !== "socket" && <button class="plain" aria-pressed={props.chosen} onClick={props.choose} title={t("which other legs could stand beside this one, and why they do not")}>{t("why not others")}</button>}
      </footer>
    </li>
  );
}

const carries = (leg: Leg, way: Way) => leg.observer === "socket" || Number(leg[way]?.packets ?? 0) > 0;

const seenAtTaps = (path: Path, way: Way) => path.legs.some((leg) => leg.observer !== "socket" && carries(leg, way));

/** Both ways were seen, and some tap sees one of them alone. */
const waysDiffer = (path: Path) => both.every((way) => seenAtTaps(path, way)) && path.legs.some((leg) => both.some((way) => carries(leg, way)) && both.some((way) => !carries(leg, way)));

/** The lanes to draw: one where every tap sees both ways, else one a way, with the legs that carry it. */
function lanesOf(path: Path): { ways: Way[]; legs: number[] }[] {
  const all = path.legs.map((_, i) => i);
  return waysDiffer(path) ? both.map((way) => ({ ways: [way], legs: all.filter((i) => carries(path.legs[i]!, way)) })) : [{ ways: both, legs: all }];
}

function partOf(path: Path, from: number, to: number): Part | undefined {
  const links = path.links.flatMap((link, n) => (link.from >= from && link.to <= to ? [n] : []));
  return links.length === to - from ? { from, to, links } : undefined;
}

/** The link whose evidence is open, -1: none. A key asks the address itself: keys may come before the view is drawn anew. */
const chosenLink = (query = here().query) => (query.why === undefined ? -1 : Number(query.why));

export function Lanes(props: { path: Path; second?: boolean }) {
  const { query } = usePlace();
  const { path } = props;
  const chosen = chosenLink(query), rival = query.leg ?? "";
  const choose = (i: number) => go(changed({ why: chosenLink() === i ? "" : String(i), leg: "" }), true);
  const askRivals = (leg: string) => go(changed({ leg: rival === leg ? "" : leg, why: "" }), true);
  useEffect(() => {
    if (props.second || !path.links.length) return;
    const press = (event: KeyboardEvent) => {
      if (!/^w$/i.test(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
      const next = chosenLink() + (event.key === "w" ? 1 : -1);
      go(changed({ why: path.links[next] ? String(next) : next < -1 ? String(path.links.length - 1) : "", leg: "" }), true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [path, props.second]);
  const lanes = lanesOf(path), asked = path.legs.find((leg) => leg.leg_id === rival);
  const names: Record<Way, string> = { to_server: t("To the server"), to_client: t("The way back: other taps see it") };
  return (
    <>
      {lanes.map(({ ways, legs }) => (
        <div key={ways.join()}>
          {lanes.length > 1 && <h2 class="way">{arrows[ways[0]!]} {names[ways[0]!]}</h2>}
          <ol class="lanes" aria-label={lanes.length === 1 ? t("From client to server") : names[ways[0]!]} tabIndex={0}>
            {legs.map((i, n) => {
              const next = legs[n + 1], part = next === undefined ? undefined : partOf(path, i, next), leg = path.legs[i]!;
              return [
                <LegCard key={leg.leg_id} leg={leg} number={i} before={n ? path.legs[legs[n - 1]!] : undefined} last={i + 1 === path.legs.length} ways={ways} choose={() => askRivals(leg.leg_id)} chosen={rival === leg.leg_id} />,
                part ? <Joint key={"link" + i} path={path} part={part} ways={ways} chosen={chosen} choose={choose} /> : next !== undefined ? <li key={"gap" + i} class="joint muted">⋯</li> : null,
              ];
            })}
          </ol>
        </div>
      ))}
      {seenAtTaps(path, "to_server") && !seenAtTaps(path, "to_client") && <p class="note">{t("No tap saw anything come back.")}</p>}
      <Fates path={path} />
      {path.unlinked !== "linked" && <p class="note"><b>{t("Why not linked")}:</b> {path.unlinked} — {unlinkedWords[path.unlinked]?.() ?? t("the engine found no link with enough evidence")}</p>}
      {path.links[chosen] && <Why link={path.links[chosen]!} path={path} close={() => choose(chosen)} askRivals={askRivals} />}
      {asked && !props.second && <Rivals leg={asked} close={() => askRivals(asked.leg_id)} />}
    </>
  );
}
