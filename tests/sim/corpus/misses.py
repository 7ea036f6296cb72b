#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows where an answer differs from a corpus' truth: neighbours not linked (with the reason given), and paths that join
legs of different connections (with the evidence given). For whoever mends the engine."""
import argparse
import collections
import json

SLACK_NS = 2_000_000


def load(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines if line.strip()]


def place(truth, paths):
    """(connection, position) -> path, and for each path its legs' (connection, position)."""
    where = collections.defaultdict(list)
    for c, connection in enumerate(truth):
        for i, leg in enumerate(connection["legs"]):
            where[leg["tap"], connection["proto"], leg["client"], leg["server"], leg["vni"]].append((leg["first_ns"], c, i))
    found, members = {}, []
    for p, path in enumerate(paths):
        members.append([])
        for leg in path["legs"]:
            rows = where.get((leg["tap"], path["proto"], leg["client"], leg["server"], leg.get("vni")), ())
            best = min(rows, key=lambda r: abs(r[0] - leg["first_ns"]), default=None)
            hit = best[1:] if best and abs(best[0] - leg["first_ns"]) <= SLACK_NS and best[1:] not in found else None
            if hit:
                found[hit] = p
            members[-1].append(hit)
    return found, members


def leg_text(leg):
    return f"{leg['tap']} {leg['client']} > {leg['server']} vni {leg['vni']} at {leg['first_ns']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("answer")
    parser.add_argument("--class", dest="name", help="only connections of this class")
    parser.add_argument("--max", type=int, default=10, help="examples printed of each sort")
    options = parser.parse_args()
    truth, paths = load(f"{options.corpus}/truth.jsonl"), load(options.answer)
    found, members = place(truth, paths)
    reasons, shown = collections.Counter(), 0
    for c, connection in enumerate(truth):
        if options.name and connection["class"] != options.name:
            continue
        for i, hop in enumerate(connection["hops"]):
            a, b = found.get((c, i)), found.get((c, i + 1))
            if a is not None and a == b:
                continue
            why = tuple("missed" if p is None else paths[p].get("unlinked") or f"in a path of {len(paths[p]['legs'])}" for p in (a, b))
            reasons[connection["class"], hop, i, why] += 1
            shown += 1
            if shown <= options.max:
                print(f"NOT LINKED {connection['class']} {connection['id']} hop {i} ({hop}), {why}\n  {leg_text(connection['legs'][i])}\n  {leg_text(connection['legs'][i + 1])}")
    shown = 0
    wrong = collections.Counter()
    for p, path in enumerate(paths):
        owners = {m[0] for m in members[p] if m}
        if len(owners) < 2 or (options.name and all(truth[c]["class"] != options.name for c in owners)):
            continue
        wrong[tuple(sorted(truth[c]["class"] for c in owners))] += 1
        shown += 1
        if shown <= options.max:
            print(f"WRONGLY JOINED path {path['path_id']}: " + ", ".join(truth[c]["id"] for c in sorted(owners)))
            for k, leg in enumerate(path["legs"]):
                owner = truth[members[p][k][0]]["id"] if members[p][k] else "?"
                print(f"  {owner:8}{leg_text(leg)}")
                for link in path["links"]:
                    if link["from"] == k:
                        print(f"      {link['kind']} {link['grade']} " + " ".join(f"{e['by']}={e['bits']:g}" for e in link.get("evidence", ())))
    kinds = collections.Counter()
    for c, connection in enumerate(truth):
        if options.name and connection["class"] != options.name:
            continue
        for i, hop in enumerate(connection["hops"]):
            p = found.get((c, i))
            if p is None or p != found.get((c, i + 1)):
                continue
            at = [members[p].index((c, i)), members[p].index((c, i + 1))]
            said = [k["kind"] for k in paths[p]["links"] if sorted((k["from"], k["to"])) == sorted(at)]
            if said != [hop] or at[0] > at[1]:
                kinds[connection["class"], i, hop, said[0] if said else "not next to each other", "in order" if at[0] < at[1] else "the wrong way round"] += 1
    for title, counter in (("not linked", reasons), ("wrongly joined", wrong), ("kind or order", kinds)):
        for what, count in counter.most_common(40):
            print(f"{count:6} {title}: {what}")


if __name__ == "__main__":
    main()
