#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether one-minute roll-ups of closed hours, as docs/decisions/0017 lays them out, answer exactly what the rows do.

Fills a store of its own with paths over a day, with revisions in the same and in later hours and paths that are taken
back; rolls each closed hour up; compares counts over time and gateways over several ranges, also after the first hours
have left the store; and times both ways. Ends with 1 where they differ.

    python3 tests/bench/rollup_algebra.py --store build/release/bin/clew-store [--paths 200000]
"""
import argparse
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

MINUTE_NS = 60_000_000_000
HOUR_S = 3600
PLACE = "_part_starting_offset + _part_offset"
LINKS = ("ARRAY JOIN link_kind AS kind, link_from AS from_tap, link_to AS to_tap, link_gateway AS gateway, "
         "link_delay_ns AS delay, link_delay_samples AS samples, link_before AS before, link_behind AS behind, "
         "link_lost AS lost")
DELAY_BUCKET = "toUInt16(if(delay <= 0, 0, 1 + floor(log2(delay) * 8)))"  # eight a doubling
SPAN = f"toUInt32(intDiv(first_ns, {MINUTE_NS})) AS a, toUInt32(intDiv(last_ns, {MINUTE_NS})) AS b"

TABLES = [
    """CREATE TABLE paths (path_id UInt64, revision UInt32, retracted Bool, unlinked LowCardinality(String),
    first_ns Int64, last_ns Int64, retransmissions UInt32, ends Array(LowCardinality(String)),
    link_kind Array(LowCardinality(String)), link_from Array(LowCardinality(String)),
    link_to Array(LowCardinality(String)), link_gateway Array(LowCardinality(String)), link_delay_ns Array(Int64),
    link_delay_samples Array(UInt32), link_before Array(UInt64), link_behind Array(UInt64), link_lost Array(UInt32),
    stored_at DateTime) ENGINE = ReplacingMergeTree(revision) PARTITION BY toStartOfHour(stored_at)
    ORDER BY path_id""",
    # `hour` is that of the row which counts, or no longer counts: what is taken away leaves with what it was taken from.
    """CREATE TABLE path_minutes (hour DateTime, made_for DateTime, first_minute UInt32, last_minute UInt32,
    unlinked LowCardinality(String), paths Int64, resets Int64, retransmitting Int64)
    ENGINE = MergeTree PARTITION BY hour ORDER BY (made_for, first_minute)""",
    """CREATE TABLE gateway_minutes (hour DateTime, made_for DateTime, first_minute UInt32, last_minute UInt32,
    kind LowCardinality(String), from_tap LowCardinality(String), to_tap LowCardinality(String),
    gateway LowCardinality(String), paths Int64, before Int64, behind Int64, missing Int64, lost Int64, resets Int64,
    retransmitting Int64, delays Map(UInt16, Int64))
    ENGINE = MergeTree PARTITION BY hour ORDER BY (made_for, first_minute)"""]


class Store:
    def __init__(self, program, directory):
        self.process = subprocess.Popen([program, "--directory", directory, "--port", "0", "--memory-bytes-max",
                                         "3000000000"], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"ready:.*?(\d{4,5})", line)
            if found:
                self.url = f"http://127.0.0.1:{found[1]}/?enable_shared_storage_snapshot_in_query=1"
                return
        raise SystemExit(f"{program} did not start")

    def ask(self, sql):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, data=sql.encode()), timeout=600) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as failure:
            raise SystemExit(sql[:400] + "\n" + failure.read().decode()[:600]) from failure

    def timed(self, sql):
        start = time.perf_counter()
        answer = self.ask(sql)
        return answer, time.perf_counter() - start

    def end(self):
        self.process.terminate()
        self.process.wait()


def fill(store, count):
    """Revision 0 of all, 1 of every third (some much later), 2 and 3 of every 31st, each about 50 minutes later."""
    for revision in range(4):
        late = f"toInt64({revision} * if(h % 31 = 0, 3000e9, 20e9))"
        which = {0: "1", 1: "h % 3 = 0 OR h % 31 = 0"}.get(revision, "h % 31 = 0")
        store.ask(f"""INSERT INTO paths SELECT sipHash64(number), {revision}, {revision} > 0 AND h % 97 = 0,
            ['linked', 'linked', 'no_partner', 'gap'][1 + bitAnd(bitShiftRight(h, 8) + {revision} * (h % 3 = 0), 3)],
            toInt64(number * 86400 * 1e9 / {count}) AS first_ns,
            first_ns + toInt64(1e9) * (1 + h % 50) + {late} AS last_ns, h % 7 + {revision},
            if(h % 11 = 0, ['reset'], ['fin']), ['snat', 'fullnat'], ['t1', 't2'], ['t2', 't3'],
            [concat('02:', toString(h % 40)), concat('03:', toString(h % 20))],
            [toInt64(10000 + h % 1000000), toInt64(20000 + (h + {revision}) % 70000)], [toUInt32(h % 5), 3],
            [10 + {revision}, 20], [9, 20 + {revision}], [1, 0], toDateTime(intDiv(last_ns, 1000000000))
            FROM (SELECT number, cityHash64(number, 'x') AS h FROM numbers({count})) WHERE {which}""")


def rows_of(hour, sign, since=0):
    """1: each path's latest row of the hour. -1: of the paths that the hour holds, the latest row from before it."""
    within = f"stored_at >= toDateTime({hour}) AND stored_at < toDateTime({hour + HOUR_S})"
    before = f"stored_at >= toDateTime({since}) AND stored_at < toDateTime({hour})"
    which = within if sign > 0 else f"{before} AND path_id IN (SELECT path_id FROM paths WHERE {within})"
    return (f"{within if sign > 0 else before} AND {PLACE} IN (SELECT argMax({PLACE}, revision) FROM paths "
            f"WHERE {which} GROUP BY path_id)")


def path_minutes(hour, sign, since=0):
    return (f"SELECT toStartOfHour(stored_at) AS hour, toDateTime({hour}), {SPAN}, unlinked, "
            f"{sign} * toInt64(count()) AS n, {sign} * toInt64(countIf(has(ends, 'reset'))) AS resets, "
            f"{sign} * toInt64(countIf(retransmissions > 0)) AS again FROM paths "
            f"WHERE NOT retracted AND {rows_of(hour, sign, since)} GROUP BY hour, a, b, unlinked")


def gateway_columns(sign):
    return ", ".join(f"{sign} * toInt64({one})" for one in
                     ("count()", "sum(before)", "sum(behind)", "sum(if(before > behind, before - behind, 0))",
                      "sum(lost)", "countIf(has(ends, 'reset'))", "countIf(retransmissions > 0)")) + \
        f", sumMap(if(samples > 0, map({DELAY_BUCKET}, toInt64({sign})), map()))"


def gateway_minutes(hour, sign):
    return (f"SELECT toStartOfHour(stored_at) AS hour, toDateTime({hour}), {SPAN}, kind, from_tap, to_tap, gateway, "
            f"{gateway_columns(sign)} FROM paths {LINKS} WHERE NOT retracted AND gateway != '' AND "
            f"{rows_of(hour, sign)} GROUP BY hour, a, b, kind, from_tap, to_tap, gateway")


class Comparison:
    def __init__(self, store, open_hour):
        self.store, self.open_hour, self.differs = store, open_hour, False

    def say(self, name, rows, rolled):
        equal = rows[0] == rolled[0]
        self.differs |= not equal
        print(f"{name}: {'equal' if equal else 'DIFFERENT'}, {len(rows[0].splitlines())} lines, rows "
              f"{rows[1] * 1000:.0f} ms, roll-ups {rolled[1] * 1000:.0f} ms", flush=True)

    def counts(self, name, since_minute, until_minute, stored):
        rows = self.store.timed(
            f"SELECT greatest(toUInt32(intDiv(first_ns, {MINUTE_NS})), {since_minute}) AS m, unlinked, count(), "
            f"countIf(has(ends, 'reset')), countIf(retransmissions > 0) FROM paths WHERE stored_at >= "
            f"toDateTime({stored}) AND NOT retracted AND last_ns >= {since_minute * MINUTE_NS} AND "
            f"first_ns < {until_minute * MINUTE_NS} AND {PLACE} IN (SELECT argMax({PLACE}, revision) FROM paths "
            f"WHERE stored_at >= toDateTime({stored}) GROUP BY path_id) GROUP BY m, unlinked ORDER BY m, unlinked")
        opened = " UNION ALL ".join(
            f"SELECT a, b, unlinked, n, resets, again FROM ({path_minutes(self.open_hour, sign, stored)})"
            for sign in (1, -1))
        rolled = self.store.timed(
            f"SELECT greatest(a, {since_minute}) AS m, unlinked, sum(n) AS count, sum(resets), sum(again) FROM "
            f"(SELECT first_minute AS a, last_minute AS b, unlinked, paths AS n, resets, retransmitting AS again "
            f"FROM path_minutes WHERE hour >= toStartOfHour(toDateTime({stored})) UNION ALL {opened}) "
            f"WHERE b >= {since_minute} AND a < {until_minute} GROUP BY m, unlinked HAVING count != 0 "
            f"ORDER BY m, unlinked")
        self.say(f"counts over {name}", rows, rolled)

    def gateways(self):
        keys = "kind, from_tap, to_tap, gateway"
        closed = f"stored_at < toDateTime({self.open_hour})"
        rows = self.store.timed(
            f"SELECT {keys}, * FROM (SELECT {keys}, {gateway_columns(1)} AS d FROM paths {LINKS} WHERE NOT retracted "
            f"AND gateway != '' AND {closed} AND {PLACE} IN (SELECT argMax({PLACE}, revision) FROM paths "
            f"WHERE {closed} GROUP BY path_id) GROUP BY {keys}) ORDER BY {keys}")
        rolled = self.store.timed(
            f"SELECT {keys}, * FROM (SELECT {keys}, sum(paths), sum(before), sum(behind), sum(missing), sum(lost), "
            f"sum(resets), sum(retransmitting), mapFilter((k, v) -> v != 0, sumMap(delays)) AS d "
            f"FROM gateway_minutes GROUP BY {keys}) ORDER BY {keys}")
        self.say("gateways over all closed hours, delays as histograms", rows, rolled)


def leave(store, hour):
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(hour))
    for table in ("paths", "path_minutes", "gateway_minutes"):
        store.ask(f"ALTER TABLE {table} DROP PARTITION '{text}'")


def run(store, count):
    for table in TABLES:
        store.ask(table)
    fill(store, count)
    print("rows, paths:", store.ask("SELECT count(), uniqExact(path_id) FROM paths"))
    hours = [int(one) for one in store.ask(
        "SELECT DISTINCT toUnixTimestamp(toStartOfHour(stored_at)) AS h FROM paths ORDER BY h").split()]
    start = time.perf_counter()
    for hour in hours[:-1]:
        for sign in (1, -1):
            store.ask(f"INSERT INTO path_minutes {path_minutes(hour, sign)}")
            store.ask(f"INSERT INTO gateway_minutes {gateway_minutes(hour, sign)}")
    print(f"{len(hours) - 1} hours rolled up in {time.perf_counter() - start:.1f} s")
    print(store.ask("SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND "
                    "database = 'default' GROUP BY table ORDER BY table"))
    compare = Comparison(store, hours[-1])
    end = int(store.ask(f"SELECT max(intDiv(first_ns, {MINUTE_NS})) FROM paths")) + 1
    compare.counts("a day", 0, end, 0)
    for name, since, until in (("six hours in between", end - 400, end - 7), ("two hours", end - 121, end)):
        compare.counts(name, since, until, since // 60 * HOUR_S - HOUR_S)
    compare.gateways()
    for hour in hours[:3]:
        leave(store, hour)
    compare.counts("what is left after three hours have gone", 0, end, 0)
    return compare.differs


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--store", default="build/release/bin/clew-store")
    options.add_argument("--paths", type=int, default=200_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="clew-rollups-") as directory:
        store = Store(chosen.store, directory)
        try:
            return 1 if run(store, chosen.paths) else 0
        finally:
            store.end()


if __name__ == "__main__":
    sys.exit(main())
