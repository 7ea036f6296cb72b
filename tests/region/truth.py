# SPDX-License-Identifier: Apache-2.0
"""What really happened in the region, from its gateways' own records: conntrack events, proxy and gateway logs.

The gateways say which connection became which; the captures (read by capture.py) only say when each leg began at its tap,
by that tap's clock. Nothing here uses Clew's code.
"""
import collections
import json
import os
import re

from capture import LegStarts, read_leg_starts
from topology import TAPS, VIP, VIP_PORT, WEB

NEAR_NS = 3_000_000_000  # records of one connection lie this close together; ports are not re-used faster
CLASS_OF_VIP = {f"{ip}:{VIP_PORT}": name for name, ip in VIP.items()}

Tracked = collections.namedtuple("Tracked", "time_ns proto zone client server reply_client reply_server")
Crossing = collections.namedtuple("Crossing", "time_ns client server")  # what a gateway made of a connection


def read_json_lines(path):
    """Objects of a log that may be torn at its end."""
    try:
        with open(path) as f:
            lines = f.readlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n") and line.startswith("{")]


def parse_conntrack(line):
    """One line of `conntrack -E -o timestamp,id`, or None for another event or protocol."""
    stamp = re.match(r"\[(\d+)\.(\d+)\s*\]\s+\[NEW\]\s+(\w+)", line)
    if not stamp or stamp[3] not in ("tcp", "udp", "icmp"):
        return None
    fields = collections.defaultdict(list)
    for name, value in re.findall(r"([\w-]+)=(\S+)", line):
        fields[name].append(value)
    ports = [("id", "id"), ("sport", "dport")][stamp[3] != "icmp"]
    ends = [f"{fields[address][i]}:{fields[port][i]}"
            for i in (0, 1) for address, port in (("src", ports[0]), ("dst", ports[1]))]
    zone = fields.get("zone-orig") or fields.get("zone")
    time_ns = int(stamp[1]) * 1_000_000_000 + int(stamp[2].ljust(6, "0")) * 1000
    return Tracked(time_ns, stamp[3], int(zone[0]) if zone else None, ends[0], ends[1], ends[3], ends[2])


def read_conntrack(path):
    with open(path) as f:
        return [event for event in map(parse_conntrack, f) if event]


class Index:
    """Records by key; the nearest in time is the one that is meant."""

    def __init__(self):
        self.rows = collections.defaultdict(list)

    def add(self, key, time_ns, value):
        self.rows[key].append((time_ns, value))

    def nearest(self, key, time_ns, within_ns=NEAR_NS):
        best = min(self.rows.get(key, ()), key=lambda row: abs(row[0] - time_ns), default=None)
        return best[1] if best and abs(best[0] - time_ns) <= within_ns else None


def read_crossings(log_dir):
    """(proto, client, server) on the edge -> what the load balancer or the delta-FULLNAT gateway made of it."""
    index = Index()
    for event in read_conntrack(f"{log_dir}/conntrack-lb.out"):
        if event.reply_server.rsplit(":", 1)[0] in VIP.values():
            continue  # ended in a proxy here: the proxy's log says what became of it
        index.add((event.proto, event.client, event.server), event.time_ns,
                  Crossing(event.time_ns, event.reply_client, event.reply_server))
    for row in read_json_lines(f"{log_dir}/haproxy.out"):
        if row["local"][0] != "-" and row["server"][0] != "-":
            time_ns = round(float(row["t"]) * 1e9)
            index.add(("tcp", row["client"], row["vip"]), time_ns, Crossing(time_ns, row["local"], row["server"]))
    for row in read_json_lines(f"{log_dir}/delta-fullnat.jsonl"):
        if row["event"] == "open":
            index.add(("tcp", row["client"], row["vip"]), row["t_ns"], Crossing(row["t_ns"], row["local"], row["server"]))
    return index


def classify(proto, vip, crossed):
    """The class of a connection and the kind of its second hop."""
    if proto == "icmp":
        return "icmp", "forward"
    if proto == "udp":
        return "dns", "forward"
    name = CLASS_OF_VIP.get(vip)
    if name is None:
        return "snat+forward", "forward"
    kind = {"dnat": "dnat", "relay-proxy": "relay", "relay-http": "relay"}.get(name, "fullnat")
    return f"snat+{name}" if crossed else f"snat+{name}-incomplete", kind


def connections(log_dir):
    """Every connection that the NAT gateway tracked, as truth.jsonl has it, but with first_ns from the gateways' clocks."""
    crossings, result = read_crossings(log_dir), []
    for n, event in enumerate(read_conntrack(f"{log_dir}/conntrack-gw.out")):
        if event.zone is None:
            continue  # not a tenant's
        edge = event.reply_client, event.reply_server
        crossed = crossings.nearest((event.proto, *edge), event.time_ns)
        cls, kind = classify(event.proto, edge[1], crossed)
        legs = [("tenant", event.client, event.server, event.zone), ("edge", *edge, None)]
        hops = ["snat"]
        if crossed:
            legs.append(("servers", crossed.client, crossed.server, None))
            hops.append(kind)
        result.append({"id": f"c{n}", "class": cls, "proto": event.proto, "legs": [
            {"tap": tap, "client": client, "server": server, "vni": vni, "first_ns": event.time_ns}
            for tap, client, server, vni in legs], "hops": hops})
    return result


def stamp(truth, starts):
    """Keeps what the captures hold, with first_ns by the taps' clocks. Returns (truth, counts of what did not fit)."""
    kept, taken, uncaptured = [], set(), 0
    for connection in truth:
        legs = []
        for leg in connection["legs"]:
            key = connection["proto"], leg["client"], leg["server"], leg["vni"]
            first_ns = starts[leg["tap"]].nearest(key, leg["first_ns"])
            if first_ns is not None and abs(first_ns - leg["first_ns"]) <= NEAR_NS and (leg["tap"], key, first_ns) not in taken:
                legs.append({**leg, "first_ns": first_ns})
                taken.add((leg["tap"], key, first_ns))
        if len(legs) == len(connection["legs"]):
            kept.append({**connection, "legs": legs})
        elif legs:
            uncaptured += 1
            kept += [{**connection, "id": f"{connection['id']}.{i}", "class": connection["class"] + "-part", "legs": [leg], "hops": []}
                     for i, leg in enumerate(legs)]
    captured = sum(tap.count() for tap in starts.values())
    return kept, {"connections": len(kept), "partly_captured": uncaptured, "legs_captured": captured,
                  "legs_without_truth": captured - len(taken)}


def processes(truth, log_dir):
    """For every TCP connection of the truth the process at each end, as far as the programs' own logs name it."""
    clients, servers = Index(), Index()
    for row in read_json_lines(f"{log_dir}/clients.jsonl"):
        if "client" in row:
            clients.add((row["proto"], row["client"], row["server"], row["vni"]), row["t_ns"], {"comm": row["comm"], "pid": row["pid"]})
    for node in WEB:
        for row in read_json_lines(f"{log_dir}/nginx-{node}.jsonl"):
            servers.add((row["client"], row["server"]), round(row["t"] * 1e9), {"comm": "nginx", "pid": row["pid"]})
    for connection in truth:
        if connection["proto"] != "tcp" or len(connection["legs"]) < 2:
            continue
        first, last = connection["legs"][0], connection["legs"][-1]
        client = clients.nearest(("tcp", first["client"], first["server"], first["vni"]), first["first_ns"])
        server = servers.nearest((last["client"], last["server"]), last["first_ns"], 10 * NEAR_NS)
        yield {"id": connection["id"], "client": client, "server": server}


def write_json_lines(path, rows):
    with open(path, "w") as f:
        for row in rows:
            f.write(json.dumps(row) + "\n")


def write_truth(corpus_dir, log_dir):
    """Writes truth.jsonl and processes.jsonl beside the captures of a corpus. Returns the counts of stamp()."""
    starts = {tap: read_leg_starts(f"{corpus_dir}/{tap}.pcap") if os.path.exists(f"{corpus_dir}/{tap}.pcap") else LegStarts()
              for tap in TAPS}
    truth, counts = stamp(connections(log_dir), starts)
    write_json_lines(f"{corpus_dir}/truth.jsonl", truth)
    write_json_lines(f"{corpus_dir}/processes.jsonl", processes(truth, log_dir))
    return counts
