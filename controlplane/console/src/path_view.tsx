// SPDX-License-Identifier: Apache-2.0
// One path's page: its title, its lanes, and a second path beside it.
import { useEffect, useState } from "preact/hooks";
import { apiAddress, useApi } from "./api";
import { ComparedPaths } from "./compare_paths";
import { Lanes } from "./lanes";
import { Answer, CopyButton } from "./parts";
import { address, changed, go, usePlace, view } from "./place";
import { useQuestion } from "./question";
import { useSettings } from "./settings";
import { clock } from "./time";
import { useTitle } from "./title";
import type { Path } from "./wire";
import { t } from "./words";

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
