#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grades what the engine says became of packets: losses on the wire and gaps of the capture, each at its place, openings
that died, resets, loops; against what clew-sim did on purpose (injected.jsonl).

A loss counts where it leaves a trace in the stream: segments with payload, SYNs, FINs. A lost acknowledgement without
data leaves none, nor does a FIN that the only tap of a connection missed, nor what that tap missed before the first or behind
the last packet that it saw, nor one lap of a loop, nor a reset that was lost before the first tap. Losses before the first
tap are seen only when later segments came by before (the others look like a pause). SYNs of an opening that is never
answered are sent again for that reason: "unknown" is right there. What is told and was not injected counts as well: precision.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from misses import load, place  # noqa: E402

SYN, FIN, RST = 2, 1, 4
LEAST = {"network-loss": 0.98, "capture-gap": 0.98, "precision": 0.98, "reset": 1, "loop": 1, "syn-eaten": 1, "answer-eaten": 1, "icmp-error": 1}
CONDITIONS = ["network-loss", "loss", "loss-burst", "clean", "network-loss,clocks", "network-loss,loss"]
# Where wire and capture both lose, a copy that two taps missed for different reasons cannot be told apart.
LEAST_OF = {"network-loss,loss": {"network-loss": 0.95, "capture-gap": 0.95, "precision": 0.95, "reset": 0.9, "syn-eaten": 0.9,
                                  "answer-eaten": 0.9, "loop": 0.9, "icmp-error": 0.9},
            # A SYN proxy whose own SYN was lost passes nothing on, as if the network lost it all.
            "network-loss": {"icmp-error": 0.97, "precision": 0.97}, "network-loss,clocks": {"icmp-error": 0.97, "precision": 0.97},
            "loss": {"icmp-error": 0.97, "reset": 0.97, "syn-eaten": 0.97, "answer-eaten": 0.97},
            "loss-burst": {"icmp-error": 0.95, "reset": 0.97, "syn-eaten": 0.97, "answer-eaten": 0.97}}


def run(*command):
    done = subprocess.run([str(c) for c in command], check=False, text=True, capture_output=True)
    if done.returncode not in (0, 4):
        sys.exit(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


class World:
    """Truth, answer, and which leg of which path each connection's tap is."""

    def __init__(self, corpus, answer):
        self.truth = load(corpus / "truth.jsonl")
        self.paths = [json.loads(line) for line in answer.splitlines()]
        self.injected = load(corpus / "injected.jsonl")
        found, members = place(self.truth, self.paths)
        self.legs = collections.defaultdict(lambda: collections.defaultdict(list))  # connection -> tap -> [(path, leg)]
        at = {hit: (p, i) for p, legs in enumerate(members) for i, hit in enumerate(legs) if hit}
        for (c, position), _ in found.items():
            connection = self.truth[c]
            self.legs[connection["id"]][connection["legs"][position]["tap"]].append(at[c, position])
        self.whole = {c["id"] for n, c in enumerate(self.truth) if len({found.get((n, i)) for i in range(len(c["legs"]))}) == 1}
        self.kind = {c["id"]: c["class"] for c in self.truth}
        self.proto = {c["id"]: c["proto"] for c in self.truth}

    def at(self, connection, tap, way):
        """The leg that carries this direction there: a balancer's way in and the servers' way back may share a tap."""
        rows = self.legs.get(connection, {}).get(tap, ())
        return next((r for r in rows if self.paths[r[0]]["legs"][r[1]][way]["packets"] > 0), None)

    def offset(self, where, way, seq):
        path, leg = where
        flow = self.paths[path]["legs"][leg][way]
        return None if "isn" not in flow else (seq - flow["isn"]) & 0xFFFFFFFF


def leaves_trace(row):
    return row["length"] > 0 or row["flags"] & (SYN | FIN)


def find_case(path, row, fate, from_leg, to_leg, offset):
    for number, case in enumerate(path.get("losses", ())):
        if case["fate"] != fate or case["direction"] != row["way"] or case["to_leg"] != to_leg:
            continue
        if case["from_leg"] != from_leg and not (fate == "unknown" and row["what"] == "capture-gap"):
            continue
        if bool(case.get("handshake")) != bool(row["flags"] & SYN):
            continue
        if case.get("handshake") or case.get("offset", 0) <= offset < case.get("offset", 0) + case.get("bytes", 0):
            return number
    return None


def beyond_what_was_seen(row, path, at):
    """The only tap of a transport connection missed it, and saw nothing of the connection before, or nothing behind: no hole
    is left. Nor does a FIN leave one there, behind which only an acknowledgement comes."""
    number = next(w for w in at if w)[1]
    before = number == 0 or path["links"][number - 1]["kind"] == "relay"
    behind = number + 1 == len(path["legs"]) or path["links"][number]["kind"] == "relay"
    leg = path["legs"][number]
    outside = row["flags"] & FIN or not leg["first_ns"] <= row["ns"] <= leg["last_ns"]
    return row["what"] == "capture-gap" and before and behind and outside


def grade_losses(world, count, show):
    show_false = show
    touched = collections.defaultdict(set)  # path -> numbers of cases that an injected line explains
    for row in world.injected:
        if row["what"] not in ("network-loss", "capture-gap"):
            continue
        c = row["connection"]
        if world.proto.get(c) != "tcp" or not leaves_trace(row) or row["flags"] & RST:
            count[row["what"]]["no trace"] += 1
            continue
        ends = ("from", "to") if row["what"] == "network-loss" else ("tap", "tap")
        at = [None if row[e] is None else world.at(c, row[e], row["way"]) for e in ends]
        if c not in world.whole or any(row[e] is not None and w is None for e, w in zip(ends, at)):
            count[row["what"]]["not linked"] += 1
            continue
        # seq is as written at the tap of the link on which it was lost: behind `from`, or before `to`
        offsets = {0} if row["flags"] & SYN else {world.offset(w, row["way"], row["seq"]) for w in at if w is not None} - {None}
        if not offsets:  # that tap does not know where the stream begins: by the numbers of the others
            path_number = next(w for w in at if w)[0]
            offsets = {world.offset((path_number, n), row["way"], row["seq"])
                       for n in range(len(world.paths[path_number]["legs"]))} - {None}
        path_number = next(w for w in at if w)[0]
        path = world.paths[path_number]
        hits = []
        for fate in ("network" if row["what"] == "network-loss" else "capture-gap", "unknown"):
            for offset in offsets:
                hit = find_case(path, row, fate, at[0] and at[0][1], at[1] and at[1][1], offset)
                if hit is not None:
                    touched[path_number].add(hit)
                    hits.append(fate)
        beyond = None in at
        # What was never answered was sent again for that reason: it cannot be told, and "unknown" is right.
        answered = any(o["fate"] == "answered" for o in path.get("openings", ()))
        verdict = "right" if hits and (hits[0] != "unknown" or not answered) else "unknown" if hits else "wrong"
        if verdict == "wrong" and beyond_what_was_seen(row, path, at) or (row["flags"] & SYN and "loop" in world.kind[c]):
            count[row["what"]]["no trace"] += 1
            continue
        count[row["what"] + (" beyond the taps" if beyond else "")][verdict] += 1
        if verdict == "wrong" and not beyond and show > 0:
            show -= 1
            print(f"  {world.kind[c]} {c} {row} offsets {offsets} path {path['path_id']} told {path.get('losses')}", file=sys.stderr)
    whole = {number for c in world.whole for rows in world.legs[c].values() for number, _ in rows}
    for number, path in enumerate(world.paths):
        if number not in whole:
            continue
        for n, case in enumerate(path.get("losses", ())):
            if path["proto"] != "tcp" or case["fate"] == "unknown" or case["from_leg"] is None or case["to_leg"] is None:
                continue
            right = n in touched[number]
            count["precision"]["right" if right else "wrong"] += 1
            if not right and show_false > 0:
                show_false -= 1
                print(f"  told and not injected: {case} {[(l['tap'], l['client'], l['server']) for l in path['legs']]} "
                      f"{[k['changes'] for k in path['links']]} {path['path_id']}", file=sys.stderr)


def resets_lost_unseen(world):
    """Connections of which a reset was lost before the first tap that it would have passed."""
    return {row["connection"] for row in world.injected
            if row["what"] == "network-loss" and row["flags"] & RST and row["from"] not in world.legs.get(row["connection"], {})}


def grade_origins(world, count, show):
    unseen = resets_lost_unseen(world)
    for row in world.injected:
        if row["what"] not in ("reset", "loop", "syn-eaten", "answer-eaten"):
            continue
        legs = world.legs.get(row["connection"], {})
        if not legs or row["connection"] not in world.whole:
            count[row["what"]]["not linked"] += 1
            continue
        path = world.paths[next(iter(legs.values()))[0][0]]
        names = [leg["tap"] for leg in path["legs"]]
        if row["what"] == "reset" and row["connection"] in unseen and not any(leg["end"] == "reset" for leg in path["legs"]):
            count["reset"]["no trace"] += 1
            continue
        right = judge(row, path, names)
        count[row["what"]]["right" if right else "wrong"] += 1
        if row["what"] == "syn-eaten":
            # The box that ate it passes other connections: where those go on is where this one should have.
            usual = [o["gateway"]["usual_tap"] for o in path.get("openings", ()) if "gateway" in o]
            count["syn-eaten, by which hop"]["right" if usual == [row["to"]] else "unknown" if not usual else "wrong"] += 1
        if not right and show > 0:
            show -= 1
            print(f"  {world.kind[row['connection']]} {row} taps {names} resets {path.get('resets')} openings {path.get('openings')}",
                  file=sys.stderr)


def grade_icmp_errors(world, count):
    """Servers of these classes answer with an ICMP error: the tap nearest to them is the first that sees it."""
    for connection in world.truth:
        c = connection["id"]
        if "rejected" not in connection["class"] or connection["class"] == "rejected-middlebox":
            continue
        if c not in world.whole:
            count["icmp-error"]["not linked"] += 1
            continue
        path = world.paths[next(iter(world.legs[c].values()))[0][0]]
        told = path.get("icmp_errors", [])
        right = len(told) == 1 and told[0]["meaning"] == "destination unreachable (port)" and told[0]["leg"] == len(path["legs"]) - 1
        if path["proto"] == "tcp":
            right = right and any(o["fate"] == "unreachable" for o in path.get("openings", ()))
        count["icmp-error"]["right" if right else "wrong"] += 1


def judge(row, path, names):
    if row["what"] == "loop":
        return any(leg["tap"] == row["tap"] and "loop" in leg["to_server"] for leg in path["legs"])
    if row["what"] == "syn-eaten":
        return any(o["fate"] == "unanswered" and names[o["from_leg"]] == row["from"] for o in path.get("openings", ()))
    if row["what"] == "answer-eaten":
        return any(o["fate"] == "answer-lost" and names[o["from_leg"]] == row["to"] and names[o["to_leg"]] == row["from"]
                   for o in path.get("openings", ()))
    resets = sorted(path.get("resets", ()), key=lambda r: r["time_ns"])
    if row["by"] != "middlebox":
        return bool(resets) and resets[0]["by"] == row["by"]
    ends = {"to_server": (row["from"], row["to"]), "to_client": (row["to"], row["from"])}
    def between(r):
        before, behind = ends[r["direction"]]
        # The tap before the box is only known to be there when something of the connection was seen at it.
        return r["by"] == "middlebox" and names[r["to_leg"]] == behind and (r["from_leg"] is None or names[r["from_leg"]] == before)
    # Where a SYN is refused, nothing of the connection is seen behind the box: the end behind is all that can be said.
    lone = len(resets) == 1 and resets[0]["by"] == "server" and not resets[0]["certain"] and row["to"] not in names
    return bool(resets) and (all(between(r) for r in resets) or lone)


def grade(condition, options):
    count = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory(prefix="clew-fates-") as name:
        corpus = pathlib.Path(name)
        extra = [] if condition == "clean" else ["--condition", condition]
        if options.classes:
            extra += ["--class", options.classes]
        run(options.bin / "tests/clew-sim", "--connections", options.connections, "--rate", options.rate, "--seed", options.seed,
            *extra, "-o", corpus)
        world = World(corpus, run(options.bin / "bin/clew", "replay", "--format", "jsonl", corpus))
        grade_losses(world, count, options.show)
        grade_origins(world, count, options.show)
        grade_icmp_errors(world, count)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parents[2] / "build/release", help="the build folder")
    parser.add_argument("--connections", type=int, default=2200)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--classes", help="only these, divided by commas")
    parser.add_argument("--conditions", help="only these, divided by blanks")
    parser.add_argument("--show", type=int, default=0, help="print so many examples of each sort that are wrong")
    options = parser.parse_args()
    failures = 0
    print(f"{'condition':22}{'what':34}{'cases':>8}{'right':>9}{'unknown':>9}{'wrong':>7}{'not linked':>11}{'no trace':>9}")
    for condition in options.conditions.split() if options.conditions else CONDITIONS:
        for what, row in sorted(grade(condition, options).items()):
            told = row["right"] + row["wrong"] + row["unknown"]
            share = row["right"] / told if told else None
            least = LEAST_OF.get(condition, {}).get(what, LEAST.get(what))
            fails = share is not None and least is not None and share < least
            failures += fails
            print(f"{condition:22}{what:34}{told:>8}{'-' if share is None else f'{share:.4f}':>9}{row['unknown']:>9}{row['wrong']:>7}"
                  f"{row['not linked']:>11}{row['no trace']:>9}" + (f"  FAILS < {least:g}" if fails else ""))
    print(f"{failures} gates fail", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
