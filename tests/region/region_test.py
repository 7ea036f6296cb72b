#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The region checked on its own, without Clew: every gateway does what it says, and the truth is what the captures hold."""
import argparse
import collections
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

import capture
from topology import TAPS, VIP, VNI_OF_CLIENT, free_prefix

CONNECTIONS = 180
options = argparse.Namespace(delta_fullnat=None)


def region(command, *words, prefix, run_dir, check=True):
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([sys.executable, f"{here}/region.py", command, "--prefix", prefix, "--run-dir", run_dir,
                           "--delta-fullnat", options.delta_fullnat, *words], text=True, capture_output=True)
    if check and done.returncode:
        raise AssertionError(f"region.py {command}: {done.stdout}{done.stderr}")
    return done


def read_lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f if line.startswith("{")]


def payloads(path):
    """(source, target) of plain IPv4 TCP frames -> their bytes one after the other."""
    result = collections.defaultdict(bytes)
    for time_ns, frame in capture.frames(path):
        packet = capture.parse(time_ns, frame)
        if packet and packet.proto == "tcp":
            tcp = frame[14 + (frame[14] & 15) * 4:]
            result[packet.source, packet.target] += tcp[(tcp[12] >> 4) * 4:]
    return result


class Region(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        cls.prefix = cls.stack.enter_context(free_prefix("rgtest"))
        cls.run_dir, cls.corpus = f"{cls.folder}/run", f"{cls.folder}/corpus"
        where = {"prefix": cls.prefix, "run_dir": cls.run_dir}
        region("down", **where)  # what a killed run may have left
        cls.stack.callback(region, "down", **where)
        region("up", **where)
        cls.recorded = region("record", cls.corpus, "--connections", str(CONNECTIONS), "--rate", "90", **where)
        cls.truth = read_lines(f"{cls.corpus}/truth.jsonl")

    def of_class(self, name):
        return [connection for connection in self.truth if connection["class"] == name]

    def test_every_leg_of_the_captures_has_its_truth(self):
        self.assertIn(" 0 partly captured", self.recorded.stdout)
        self.assertIn(" 0 legs without truth", self.recorded.stdout)
        self.assertNotIn("warning", self.recorded.stderr)

    def test_every_gateway_was_crossed(self):
        counts = collections.Counter(connection["class"] for connection in self.truth)
        expected = {f"snat+{name}": CONNECTIONS // len(VIP) for name in VIP}
        expected["snat+dnat"] += len(VNI_OF_CLIENT)  # curl
        expected.update(dns=CONNECTIONS // 10, icmp=len(VNI_OF_CLIENT))
        self.assertEqual(counts, expected)

    def test_tenants_overlap(self):
        hosts = {(leg["client"].split(":")[0], leg["vni"]) for c in self.truth for leg in c["legs"] if leg["tap"] == "tenant"}
        self.assertTrue({("10.1.0.11", 100), ("10.1.0.11", 200)} <= hosts)

    def test_every_tcp_connection_has_its_processes(self):
        rows = read_lines(f"{self.corpus}/processes.jsonl")
        self.assertEqual(len(rows), sum(c["proto"] == "tcp" for c in self.truth))
        for row in rows:
            self.assertIn(row["client"]["comm"], ("shop-web", "shop-batch", "bank-web", "curl"))
            self.assertEqual(row["server"]["comm"], "nginx")

    def test_delta_fullnat_shifts_what_its_log_says(self):
        log = {row["client"]: row for row in read_lines(f"{self.run_dir}/log/delta-fullnat.jsonl") if row["event"] == "open"}
        isn = {tap: {} for tap in TAPS}
        for tap in ("edge", "servers"):
            for time_ns, frame in capture.frames(f"{self.corpus}/{tap}.pcap"):
                packet = capture.parse(time_ns, frame)
                if packet and packet.proto == "tcp" and packet.flags & capture.SYN:
                    isn[tap].setdefault((packet.source, packet.target), packet.seq)
        for name in ("delta-fullnat", "synproxy"):
            for connection in self.of_class(f"snat+{name}"):
                edge, servers = connection["legs"][1:]
                row = log[edge["client"]]
                ahead = isn["servers"][servers["client"], servers["server"]] - isn["edge"][edge["client"], edge["server"]]
                back = isn["edge"][edge["server"], edge["client"]] - isn["servers"][servers["server"], servers["client"]]
                self.assertEqual(ahead % 2**32, row["delta_to_server"])
                self.assertEqual(back % 2**32, row["delta_to_client"])
                self.assertEqual(row["delta_to_client"] != 0, name == "synproxy")

    def test_proxy_v2_comes_first_on_the_servers_side(self):
        streams = payloads(f"{self.corpus}/servers.pcap")
        for connection in self.of_class("snat+relay-proxy"):
            leg = connection["legs"][2]
            self.assertTrue(streams[leg["client"], leg["server"]].startswith(b"\r\n\r\n\0\r\nQUIT\n"))

    def test_the_request_id_is_on_both_sides_of_the_relay(self):
        edge, servers = payloads(f"{self.corpus}/edge.pcap"), payloads(f"{self.corpus}/servers.pcap")
        for connection in self.of_class("snat+relay-http"):
            front, back = connection["legs"][1:]
            ids = [[line.split(b": ")[1] for line in stream.split(b"\r\n") if line.lower().startswith(b"x-request-id: ")]
                   for stream in (edge[front["server"], front["client"]], servers[back["client"], back["server"]])]
            self.assertTrue(ids[0])
            self.assertEqual(*ids)

    def test_up_again_says_so_and_a_second_region_lives_beside(self):
        own = {"prefix": self.prefix, "run_dir": self.run_dir}
        self.assertIn("already up", region("up", **own).stdout)
        with free_prefix("rgtest") as prefix:
            other = {"prefix": prefix, "run_dir": f"{self.folder}/beside"}
            region("down", **other)
            try:
                region("up", **other)
                region("traffic", "--connections", "18", "--rate", "50", **other)
            finally:
                region("down", **other)
            self.assertFalse([name for name in os.listdir("/run/netns") if name.startswith(f"{prefix}-")])
            self.assertEqual(region("status", **other, check=False).returncode, 1)
        with open(f"{self.folder}/beside/log/delta-fullnat.err") as f:
            self.assertIn("sessions: 6 opened", f.read())
        region("status", **own)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delta-fullnat", required=True)
    options.delta_fullnat = parser.parse_args().delta_fullnat
    if os.geteuid():
        print("SKIPPED: the region needs root (network namespaces); run the tests with sudo", file=sys.stderr)
        return 77
    return not unittest.main(argv=[sys.argv[0], "-v"], exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
