// SPDX-License-Identifier: Apache-2.0
// What stands around every view: the way to the others, the search box, the time, and the reader's choices.
import { useEffect, useRef, useState } from "preact/hooks";
import { rangeOf, useLive } from "./api";
import { CopyButton } from "./parts";
import { address, changed, go, here, usePlace, view, type Place } from "./place";
import { useShownQuestion } from "./question";
import { choose, useSettings } from "./settings";
import { clock, fromTyped, isRange, ranges, rfc3339, typed, usualRange } from "./time";
import { t } from "./words";

export const views: { path: string; key: string; name: () => string }[] = [
  { path: "/", key: "h", name: () => t("Home") },
  { path: "/paths", key: "p", name: () => t("Paths") },
  { path: "/gateways", key: "w", name: () => t("Gateways") },
  { path: "/topology", key: "y", name: () => t("Topology") },
  { path: "/trust", key: "r", name: () => t("Trust") },
];

/** Where what was typed leads: a path by its id, two ends joined by an arrow, or a filter as it stands. */
export function searched(text: string): string {
  const words = text.trim();
  if (/^[0-9a-f]{16}$/i.test(words)) return address("/path/" + words.toLowerCase());
  const ends = /^(\S+)\s*(?:>|->|→|⇒)\s*(\S+)$/.exec(words);
  const filter = ends && !/[=!<]/.test(words) ? `${ends[1]} and ${ends[2]}` : words;
  return view("/paths", { filter });
}

export function Search(props: { wide?: boolean }) {
  const { query } = usePlace();
  const [text, setText] = useState(query.filter ?? "");
  const [fields, setFields] = useState<{ name: string; text: string }[]>([]);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => setText(query.filter ?? ""), [query.filter]);
  const long = t("address, VIP, process, a → b, path id, or a filter: tcp.port == 443 and path.grade > B");
  const learn = () => {
    if (fields.length === 0)
      fetch("/api/v1/fields").then((r) => r.json()).then((list: { fields: { name: string; text: string }[] }) => setFields(list.fields), () => undefined);
  };
  return (
    <form class={props.wide ? "search wide" : "search"} role="search" onSubmit={(event) => { event.preventDefault(); go(searched(text)); }}>
      <input ref={box} id={props.wide ? "search-wide" : "search"} type="search" value={text} list={props.wide ? undefined : "fields"} spellcheck={false} autocomplete="off"
        aria-label={t("Search or filter")} placeholder={props.wide ? long : t("address, process, a → b, path id, filter")} title={long}
        onFocus={learn} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">{t("Search")}</button>
      {!props.wide && <datalist id="fields">{fields.map((f) => <option key={f.name} value={f.name}>{f.text}</option>)}</datalist>}
    </form>
  );
}

/** From when to when, as typed; an empty end is now. */
function TypedRange(props: { sinceNs: string; untilNs: string; close: () => void }) {
  const { utc } = useSettings();
  const [from, setFrom] = useState(typed(props.sinceNs, utc)), [to, setTo] = useState(typed(props.untilNs, utc)), [wrong, setWrong] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const since = fromTyped(from, utc), until = fromTyped(to, utc);
    if (!since) return setWrong(t("the first time is needed"));
    if (until && BigInt(until) <= BigInt(since)) return setWrong(t("the second time must be after the first"));
    go(changed({ since, until }));
    props.close();
  };
  return (
    <form class="menu typed-range" onSubmit={submit} onKeyDown={(event) => event.key === "Escape" && props.close()}>
      <label>{t("from")} <input type="datetime-local" step="1" required value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
      <label>{t("to")} <input type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} /></label>
      <small class="muted">{utc ? "UTC" : t("local time")}; {t("an empty end is now")}</small>
      {wrong && <small class="bad" role="alert">{wrong}</small>}
      <button type="submit">{t("Show")}</button>
    </form>
  );
}

function TimeRange() {
  const { query } = usePlace();
  const { utc } = useSettings();
  const since = query.since || usualRange;
  const fixed = !isRange(since) || query.until;
  const { sinceNs, untilNs } = rangeOf(query);
  const [open, setOpen] = useState(false);
  return (
    <span class="range">
      <select aria-label={t("Time range")} value={fixed ? "fixed" : since}
        onChange={(event) => event.currentTarget.value !== "fixed" && go(changed({ since: event.currentTarget.value, until: "" }))}>
        {ranges.map((range) => <option key={range} value={range}>{t("last {0}", range)}</option>)}
        {!fixed && !ranges.includes(since) && <option value={since}>{t("last {0}", since)}</option>}
        {fixed && <option value="fixed">{`${clock(sinceNs, utc, 0, true)} – ${query.until ? clock(untilNs, utc, 0) : t("now")}`}</option>}
      </select>
      <button aria-expanded={open} title={t("Type from when to when")} aria-label={t("Type from when to when")} onClick={() => setOpen(!open)}>↔</button>
      {open && <TypedRange sinceNs={sinceNs} untilNs={untilNs} close={() => setOpen(false)} />}
      {!fixed && <button title={t("Keep this time in the address, to share it")} onClick={() => go(changed({ since: sinceNs, until: untilNs }))}>{t("Pin")}</button>}
    </span>
  );
}

/** The command that shows what the view shows; empty where there is none. */
function commandOf({ path, query }: Place): string {
  const { sinceNs, untilNs } = rangeOf(query), id = /^\/(path|ladder)\/([0-9a-f]+)/.exec(path);
  if (id) return id[1] === "path" ? `clew path show ${id[2]}` : `clew ladder ${id[2]}`;
  if (path === "/gateways") return "clew gateways";
  if (path === "/trust") return "clew status";
  const verb = { "/": "incidents", "/paths": "paths", "/topology": "topology", "/compare": "compare" }[path];
  if (!verb) return "";
  const since = query.since && !isRange(query.since) ? rfc3339(sinceNs) : query.since || usualRange;
  const before = verb !== "compare" || !query.before ? "" : ` --before ${isRange(query.before) ? query.before : rfc3339(query.before)}`;
  const order = verb === "paths" && query.first !== "newest" ? " --abnormal-first" : "";
  return `clew ${verb}${order} --since ${since}${query.until ? ` --until ${rfc3339(untilNs)}` : ""}${before}${query.filter ? " " + quote(query.filter) : ""}`;
}

const quote = (text: string) => `'${text.replace(/'/g, "'\\''")}'`;

/** The view's question for a terminal: the very address that the page asked, and the command where there is one. */
function Commands() {
  const place = usePlace(), asked = useShownQuestion(), command = commandOf(place);
  const ladder = /^\/ladder\/([0-9a-f]+)/.exec(place.path);
  const question = ladder ? `/api/v1/paths/${ladder[1]}/ladder` : asked;
  return (
    <>
      {command ? <CopyButton text={command} label={t("CLI")} /> : <button disabled title={t("no command shows this view; curl asks what it asks")}>{t("CLI")}</button>}
      {question ? <CopyButton text={`curl ${quote(location.origin + question)}`} label="curl" /> : <button disabled>curl</button>}
    </>
  );
}

function Connection() {
  const live = useLive();
  const away = live.status?.observers.filter((observer) => !observer.connected).length ?? 0;
  const words = !live.connected ? t("clew-control does not answer") : away ? t("{0} observers away", away) : t("live");
  return <a href={view("/trust")} class={`live ${live.connected && !away ? "good" : "bad"}`} title={t("Sensors and agents: see Trust")} role="status">{words}</a>;
}

const typing = (target: EventTarget | null) => target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

/** "/" searches, "g" and a letter goes to a view, "o", "l" and "s" to a path's, "?" shows the keys. */
function useKeys(showKeys: () => void) {
  useEffect(() => {
    let waits = false;
    const press = (event: KeyboardEvent) => {
      if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (waits) {
        waits = false;
        const found = views.find((one) => one.key === event.key);
        if (found) go(view(found.path));
        return;
      }
      if (event.key === "g") waits = true;
      else if (event.key === "?") showKeys();
      else if ("ols".includes(event.key)) {
        const id = /^\/(?:path|ladder)\/([0-9a-f]+)$/i.exec(here().path)?.[1];
        const show = event.key === "s" ? "sequence" : "";
        if (id && event.key !== "o" && here().path.startsWith("/ladder/")) go(changed({ show }), true); // what is chosen there stays
        else if (id) go(event.key === "o" ? view("/path/" + id) : view("/ladder/" + id, { show }));
      }
      else if (event.key === "/") {
        event.preventDefault();
        (document.getElementById("search-wide") ?? document.getElementById("search"))?.focus();
      } else if (event.key === "u") history.back();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [showKeys]);
}

function Keys(props: { close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current!.showModal(), []);
  const rows: [string, string][] = [
    ["/", t("search")], ["g h", t("Home")], ["g p", t("Paths")], ["g w", t("Gateways")], ["g y", t("Topology")], ["g r", t("Trust")],
    ["j k", t("next, previous row")], ["Enter", t("open the row")], ["o l s", t("a path's page, ladder, time-sequence")], ["w W", t("a path: why linked, next and previous")], ["f n N", t("ladder: find, next and previous")], ["+ − 0", t("ladder: taller and thinner rows")], ["u", t("back")], ["?", t("these keys")],
  ];
  return (
    <dialog ref={box} onClose={props.close} aria-label={t("Keys")}>
      <h2>{t("Keys")}</h2>
      <dl class="keys">{rows.map(([key, text]) => [<dt key={key}><kbd>{key}</kbd></dt>, <dd key={key + "d"}>{text}</dd>])}</dl>
      <form method="dialog"><button>{t("Close")}</button></form>
    </dialog>
  );
}

export function Bar() {
  const { path } = usePlace();
  const { language, theme, utc } = useSettings();
  const [keys, setKeys] = useState(false);
  useKeys(() => setKeys(true));
  const at = (one: string) => (one === "/" ? path === "/" : path.startsWith(one) || (one === "/paths" && /^\/(path|ladder|compare)\//.test(path)));
  return (
    <header class="bar">
      <a class="brand" href={view("/")} aria-label="Clew"><img src="/clew.svg" alt="" width="22" height="22" />Clew</a>
      <nav aria-label={t("Views")}>{views.map((one) => <a key={one.path} href={view(one.path)} aria-current={at(one.path) ? "page" : undefined}>{one.name()}</a>)}</nav>
      {path === "/" ? <span class="search" /> : <Search />}
      <TimeRange />
      <span class="tools">
        <Commands />
        <button title={t("Local time or UTC")} onClick={() => choose({ utc: !utc })}>{utc ? "UTC" : t("Local")}</button>
        <button title={t("Dark or light")} aria-label={t("Dark or light")} onClick={() => choose({ theme: theme === "dark" ? "light" : "dark" })}>{theme === "dark" ? "☾" : "☀"}</button>
        <button lang={language === "en" ? "zh-CN" : "en"} title="English / 简体中文" onClick={() => choose({ language: language === "en" ? "zh" : "en" })}>{language === "en" ? "中文" : "English"}</button>
        <button aria-label={t("Keys")} title={t("Keys")} onClick={() => setKeys(true)}>?</button>
        <Connection />
      </span>
      {keys && <Keys close={() => setKeys(false)} />}
    </header>
  );
}
