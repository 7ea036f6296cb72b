# SPDX-License-Identifier: Apache-2.0
"""What Clew printed (one path a line), made comparable with the truth: legs of sockets are left out, links are bridged."""
import json

GRADES = "ABCD"


def read_paths(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def join_kinds(kinds):
    """The kind of the hop that several links in a row make: a relay hides all, forwarding changes nothing."""
    kinds = [kind for kind in kinds if kind != "forward"]
    if "relay" in kinds:
        return "relay"
    if len(set(kinds)) > 1:
        return "fullnat"
    return kinds[0] if kinds else "forward"


def without_sockets(path, taps):
    """The path with the legs of the given taps alone, its links joined over what was left out; None when no leg is left."""
    kept = [i for i, leg in enumerate(path["legs"]) if leg["tap"] in taps]
    if not kept:
        return None
    between = {(link["from"], link["to"]): link for link in path.get("links", ())}
    links = []
    for n in range(len(kept) - 1):
        row = [between[i, i + 1] for i in range(kept[n], kept[n + 1]) if (i, i + 1) in between]
        if len(row) == kept[n + 1] - kept[n]:
            links.append({"from": n, "to": n + 1, "kind": join_kinds([link["kind"] for link in row]),
                          "grade": max((link["grade"] for link in row), key=GRADES.index)})
    return {"proto": path["proto"], "legs": [path["legs"][i] for i in kept], "links": links}


def leg_key(leg):
    return leg["tap"], leg["client"], leg["server"], leg.get("vni")


def chain(path):
    """A path by nothing but what its legs are called at their taps."""
    return path["proto"], tuple(leg_key(leg) for leg in path["legs"])


def in_time(path, from_ns, to_ns):
    return from_ns <= path["legs"][0]["first_ns"] <= to_ns


def process_ends(path):
    """(command, pid) at the client's and the server's end of a path; None where it ends at a tap."""
    ends = (path["legs"][0], path["legs"][-1])
    return [(leg["process"], leg["pid"]) if leg.get("process") else None for leg in ends]
