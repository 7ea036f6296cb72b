// SPDX-License-Identifier: Apache-2.0
// Gateways: groups (one kind of link between two taps), the matrix of their instances, and their added delay over time.
import { useCallback, useMemo, useState } from "preact/hooks";
import { apiAddress, asking, rangeOf, useApi } from "./api";
import { FollowSwitch, useFollow } from "./follow";
import { useGatewayBook } from "./gateway_book";
import { Answer, Drawing } from "./parts";
import { changed, usePlace, view } from "./place";
import { habits, Profiles } from "./profiles";
import { useQuestion } from "./question";
import { colour, useSettings } from "./settings";
import { clock, count, duration, percent, plus } from "./time";
import type { GatewayGroup, GatewayInstance, GatewayGroupList } from "./wire";
import { t } from "./words";

const keyOf = (group: GatewayGroup) => `${group.kind}|${group.from_tap}|${group.to_tap}`;
const known = (one: GatewayInstance) => Number(one.delay?.paths ?? 0) > 0;
const filterOf = (group: GatewayGroup, one: GatewayInstance) => `gw.instance == "${one.instance}" and link.kind == ${group.kind}`;

/** The median of the other instances' delays: the group's own would follow a slow instance that most paths go through. */
function peersUsual(group: GatewayGroup, self: GatewayInstance): number | undefined {
  const peers = group.instances.filter((one) => one !== self && known(one)).map((one) => Number(one.delay!.p50_ns)).sort((a, b) => a - b);
  return peers[Math.floor(peers.length / 2)];
}

function Bar(props: { part: number; label: string; tone?: string }) {
  return <span class="part" title={props.label}><span class={props.tone ?? ""} style={{ width: `${Math.max(0, Math.min(1, props.part)) * 100}%` }} /></span>;
}

function Row(props: { group: GatewayGroup; one: GatewayInstance; most: number }) {
  const { group, one } = props, book = useGatewayBook(), profile = book.profile(one.instance, group.from_tap, group.to_tap);
  const p50 = Number(one.delay?.p50_ns ?? 0), p99 = Number(one.delay?.p99_ns ?? 0), error = Number(one.delay?.error_ns ?? 0);
  const usual = peersUsual(group, one);
  const slow = known(one) && usual !== undefined && p50 > usual * 2 && p50 - usual > 2 * error + 200e3;
  const sum = (of: (one: GatewayInstance) => string) => group.instances.reduce((n, i) => n + Number(of(i)), 0) / Math.max(1, Number(group.paths));
  const odd = (part: number, whole: number, usual: number) => part / whole > Math.max(0.02, usual * 2);
  const missing = Number(one.packets_before) ? Number(one.packets_missing) / Number(one.packets_before) : 0;
  return (
    <tr class={slow ? "slow" : ""}>
      <th scope="row"><a href={view("/paths", { filter: filterOf(group, one) })} title={one.instance}>{book.name(one.instance)}</a>
        {profile && <small class="learnt" title={t("learnt of {0} connections", count(profile.links))}>{habits(profile).join(" · ") || t("changes nothing but addresses")}{profile.events.length > 0 && <b class="warn"> {t("{0} changes", profile.events.length)}</b>}</small>}</th>
      <td class="number" title={one.paths}>{count(one.paths)}</td>
      <td><Bar part={one.share} label={percent(one.share)} /> {percent(one.share)}</td>
      <td class={slow ? "number bad" : "number"} title={t("median over {0} paths of their mean added delay; ±{1}", one.delay?.paths ?? 0, duration(error))}>
        {known(one) ? <><Bar part={p50 / props.most} label={duration(p50)} tone={slow ? "worse" : ""} /><span class="figure wide">{duration(p50)} <small>±{duration(error)}</small></span></> : <span class="muted" title={t("no packet was seen at both taps, or their clocks were never compared")}>–</span>}
      </td>
      <td class="number" title={t("of {0} paths whose delay is known", one.delay?.paths ?? "0")}>{known(one) ? duration(p99) : "–"}</td>
      <td class={missing > 0.001 ? "number warn" : "number"} title={t("{0} of {1} packets towards the server were not seen behind it: lost, or not captured", one.packets_missing, one.packets_before)}>{Number(one.packets_before) ? percent(missing) : "–"}</td>
      <Fates one={one} />
      <td class={odd(Number(one.retransmitting), Number(one.paths), sum((i) => i.retransmitting)) ? "number warn" : "number"} title={t("{0} of {1} paths", one.retransmitting, one.paths)}>{percent(Number(one.retransmitting) / Number(one.paths))}</td>
      <td class={odd(Number(one.resets), Number(one.paths), sum((i) => i.resets)) ? "number bad" : "number"} title={t("{0} of {1} paths", one.resets, one.paths)}>{percent(Number(one.resets) / Number(one.paths))}</td>
      <td class="number" title={t("different source addresses and ports it wrote: what is left of {0} ports", Number(one.addresses) * 64512)}>{Number(one.addresses) ? `${one.addresses} · ${percent(Number(one.ports) / (Number(one.addresses) * 64512))}` : "–"}</td>
      <td>{one.slowest_path && <a href={view("/path/" + one.slowest_path)}>{t("slowest path")}</a>}</td>
    </tr>
  );
}

/** What became of packets that one of the two taps did not see. */
function Fates(props: { one: GatewayInstance }) {
  const { lost, not_captured, lost_or_not_captured } = props.one;
  const parts: [string, string, string][] = [["✕", lost, "bad"], ["▢", not_captured, "warn"], ["?", lost_or_not_captured, "muted"]];
  const seen = parts.filter(([, n]) => Number(n) > 0);
  return <td class="number fates-cell">{seen.length ? seen.map(([sign, n, tone]) => <span key={sign} class={tone}>{sign} {count(n)} </span>) : <span class="muted">–</span>}</td>;
}

/** Cividis, in three: told apart by those who see no red or green. */
function shade(share: number): string {
  const [from, to, part] = share < 0.5 ? [[0, 62, 120], [128, 126, 120], share * 2] as const : [[128, 126, 120], [254, 222, 50], share * 2 - 1] as const;
  return `rgb(${from.map((v, i) => Math.round(v + (to[i] - v) * part)).join(" ")})`;
}

const heatRowsMax = 60;

/** One row an instance, one column a time; the brighter, the slower. Log scale from the least of the group to its most, at least four times as much. */
function HeatMap(props: { list: GatewayGroupList; group: GatewayGroup }) {
  const { group, list } = props, book = useGatewayBook();
  const { utc } = useSettings();
  const [told, setTold] = useState("");
  const rows = group.instances.slice(0, heatRowsMax);
  const values = rows.map((one) => one.points.map((p) => (Number(p.delay_paths) ? Math.max(1, Number(p.p50_ns)) : 0)));
  const flat = values.flat().filter((v) => v > 0), low = Math.log(Math.min(...flat, 1e9)), high = Math.max(Math.log(Math.max(...flat, 2)), low + Math.log(4));
  const left = 150, rowSize = 18, bottom = 20;
  const draw = useCallback((g: CanvasRenderingContext2D, width: number, height: number) => {
    const steps = values[0]?.length || 1, wide = (width - left) / steps;
    g.font = "11px system-ui, sans-serif";
    rows.forEach((one, i) => {
      g.fillStyle = colour("ink");
      g.textAlign = "right";
      g.fillText(book.name(one.instance).slice(0, 22), left - 8, i * rowSize + 13);
      values[i].forEach((v, n) => {
        if (!v) return;
        const share = high > low ? (Math.log(v) - low) / (high - low) : 0;
        g.fillStyle = shade(share);
        g.fillRect(left + n * wide, i * rowSize + 1, Math.max(1, wide - 0.5), rowSize - 2);
      });
    });
    g.fillStyle = colour("muted");
    for (let n = 0; n <= 4; ++n) {
      g.textAlign = n === 0 ? "left" : n === 4 ? "right" : "center";
      g.fillText(clock(plus(list.since_ns, Number(list.step_ns) * steps * (n / 4)), utc, 0), left + ((width - left) * n) / 4, height - 5);
    }
  }, [group, utc, book]);
  const pointer = (x: number, y: number, event: PointerEvent) => {
    const canvas = event.currentTarget as HTMLCanvasElement, steps = values[0]?.length || 1;
    const n = Math.floor((x - left) / ((canvas.clientWidth - left) / steps)), i = Math.floor(y / rowSize);
    const v = values[i]?.[n];
    setTold(v ? `${book.name(rows[i].instance)} · ${clock(plus(list.since_ns, Number(list.step_ns) * n), utc, 0)} · p50 ${duration(v)} · p99 ${duration(Number(rows[i].points[n].p99_ns))} · ${t("{0} paths", rows[i].points[n].paths)}` : "");
  };
  if (!flat.length) return <p class="note">{t("No delay is known here: its packets pass between clocks that were not compared, or it is a proxy that keeps none of them.")}</p>;
  return (
    <figure class="heat">
      <figcaption>{t("Added delay (p50) over time: from {0} (dark) to {1} (bright)", duration(Math.exp(low)), duration(Math.exp(high)))}{rows.length < group.instances.length && <b> · {t("{0} of {1} instances, those of most paths", rows.length, group.instances.length)}</b>} <span class="muted">{told}</span></figcaption>
      <div style={{ height: rows.length * rowSize + bottom + "px" }}><Drawing class="graph" draw={draw} onPointer={pointer} label={t("Heat map of added delay")} /></div>
    </figure>
  );
}

function Group(props: { list: GatewayGroupList; group: GatewayGroup }) {
  const { group } = props;
  const most = Math.max(1, ...group.instances.map((one) => Number(one.delay?.p50_ns ?? 0)));
  const rows = [...group.instances].sort((a, b) => Number(b.delay?.p50_ns ?? 0) - Number(a.delay?.p50_ns ?? 0));
  const heads: [string, string][] = [
    [t("Instance"), t("the MAC its frames go to, else its tunnel's end, else the address it writes")], [t("paths"), ""], [t("share"), t("of the group's paths")],
    [t("added p50"), t("delay added towards the server: median over paths of their mean")], ["p99", t("99 of 100 paths are below")], [t("missing"), t("packets seen before it and not behind")],
    [t("✕ ▢ ?"), t("✕ lost on the wire and sent again, ▢ passed but not captured behind it, ? neither acknowledged nor sent again; both directions")],
    [t("retr."), t("share of paths with retransmissions")], [t("reset"), t("share of paths with a reset")], [t("addresses · ports"), t("source addresses it wrote, and the share of their ports that was used")], ["", ""],
  ];
  return (
    <section class="group">
      <h2>{group.kind} · {group.from_tap} → {group.to_tap} <small>{t("{0} instances, {1} paths", group.instances.length, count(group.paths))}{Number(group.delay?.paths ?? 0) > 0 && ` · p50 ${duration(Number(group.delay!.p50_ns))} ±${duration(Number(group.delay!.error_ns))}`}</small></h2>
      <div class="over" tabIndex={0} role="region" aria-label={t("Instances")}>
        <table class="plain-table">
          <thead><tr>{heads.map(([name, title], i) => <th key={i} scope="col" title={title} class={i > 0 && i !== 2 && i < 10 ? "number" : ""}>{name || <span class="hidden">{t("A path that shows it")}</span>}</th>)}</tr></thead>
          <tbody>{rows.map((one) => <Row key={one.instance} group={group} one={one} most={most} />)}</tbody>
        </table>
      </div>
      {group.instances.some((one) => one.points.length > 1) && <HeatMap list={props.list} group={group} />}
    </section>
  );
}

export function Gateways() {
  const { query } = usePlace();
  const range = rangeOf(query), filter = query.filter ?? "";
  const following = useFollow(20), { tick } = following;
  const key = `${range.since}|${range.until}|${filter}|${tick}`;
  const question = useMemo(() => apiAddress("gateway_groups", asking(range, filter, { buckets: "60", limit: "500" })), [key]);
  useQuestion(question);
  const asked = useApi<GatewayGroupList>(question, tick);
  return (
    <div class="page">
      <h1 class="hidden">{t("Gateways")}</h1>
      <Answer of={asked} empty={(list) => list.groups.length === 0 && t("No gateway was crossed in this time.")}>
        {(list) => {
          const chosen = list.groups.filter((group) => !query.group || keyOf(group) === query.group);
          return (
            <>
              <nav class="strip" aria-label={t("Groups")}>
                <a class="button" href={changed({ group: "" })} aria-current={!query.group ? "true" : undefined}>{t("All groups")}</a>
                {list.groups.map((group) => <a key={keyOf(group)} class="button" href={changed({ group: keyOf(group) })} aria-current={query.group === keyOf(group) ? "true" : undefined}>{group.kind} {group.from_tap} → {group.to_tap}</a>)}
                <FollowSwitch of={following} />
                <a class="right" href={view("/compare", { group: query.group ?? "" })}>{t("compare with another time")}</a>
              </nav>
              {chosen.map((group) => <Group key={keyOf(group)} list={list} group={group} />)}
            </>
          );
        }}
      </Answer>
      <Profiles tick={tick} />
    </div>
  );
}
