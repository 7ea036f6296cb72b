#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The region's own parsers: captures, conntrack events, and how the truth is put together. No root, no network."""
import json
import os
import struct
import tempfile
import unittest

import answers
import capture
import truth


def ip(source, target, protocol, body):
    ends = b"".join(bytes(int(part) for part in a.split(".")) for a in (source, target))
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + ends + body


def ethernet(packet, kind=b"\x08\x00"):
    return b"\2" * 12 + kind + packet


def tcp(from_port, to_port, flags, seq=7):
    return struct.pack(">HHIIBBHHH", from_port, to_port, seq, 0, 0x50, flags, 100, 0, 0)


def udp(from_port, to_port, payload):
    return struct.pack(">HHHH", from_port, to_port, 8 + len(payload), 0) + payload


SYN = ip("10.1.0.11", "198.51.100.10", 6, tcp(4000, 80, capture.SYN))


class Capture(unittest.TestCase):
    def test_plain_tagged_and_tunnelled_packets(self):
        plain = capture.parse(5, ethernet(SYN))
        self.assertEqual(plain, (5, None, "tcp", "10.1.0.11:4000", "198.51.100.10:80", capture.SYN, 7))
        tagged = capture.parse(5, ethernet(b"\x00\x07\x08\x00" + SYN, b"\x81\x00"))
        self.assertEqual(tagged, plain)
        inside = capture.parse(5, ethernet(ip("172.20.0.11", "172.20.0.1", 17, udp(
            999, 4789, b"\x08\0\0\0\0\0\x64\0" + ethernet(SYN)))))
        self.assertEqual(inside, plain._replace(vni=100))

    def test_icmp_echo_has_its_id_as_port(self):
        echo = capture.parse(1, ethernet(ip("10.0.0.1", "10.0.0.2", 1, struct.pack(">BBHHH", 8, 0, 0, 77, 1))))
        self.assertEqual((echo.proto, echo.source, echo.target), ("icmp", "10.0.0.1:77", "10.0.0.2:77"))

    def test_what_is_not_a_connection_is_left_out(self):
        for frame in (b"", b"\2" * 14, ethernet(b"\0" * 28, b"\x08\x06"), ethernet(SYN[:24]),
                      ethernet(SYN[:6] + b"\0\x10" + SYN[8:])):
            self.assertIsNone(capture.parse(1, frame), frame)

    def test_files_of_both_units_and_a_torn_end(self):
        with tempfile.TemporaryDirectory() as folder:
            for magic, fraction, unit in ((0xA1B2C3D4, 3, 1000), (0xA1B23C4D, 3, 1)):
                for order in "<>":
                    path = os.path.join(folder, "x.pcap")
                    with open(path, "wb") as f:
                        f.write(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, 1))
                        f.write(struct.pack(order + "IIII", 2, fraction, 4, 4) + b"abcd")
                        f.write(struct.pack(order + "IIII", 9, 9, 40, 40) + b"torn")
                    self.assertEqual(list(capture.frames(path)), [(2_000_000_000 + fraction * unit, b"abcd")])

    def test_a_leg_starts_with_a_new_isn_and_not_with_a_retransmission(self):
        legs = capture.LegStarts()
        for time_ns, seq in ((10, 7), (20, 7), (30, 8)):
            legs.add(capture.parse(time_ns, ethernet(ip("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, capture.SYN, seq)))))
        legs.add(capture.parse(40, ethernet(ip("10.0.0.2", "10.0.0.1", 6, tcp(2, 1, capture.SYN | capture.ACK)))))
        self.assertEqual(legs.starts, {("tcp", "10.0.0.1:1", "10.0.0.2:2", None): [10, 30]})
        self.assertEqual(legs.nearest(("tcp", "10.0.0.1:1", "10.0.0.2:2", None), 29), 30)


class Conntrack(unittest.TestCase):
    def test_snat_with_a_zone(self):
        event = truth.parse_conntrack(
            "[1795421207.953458]\t    [NEW] tcp      6 120 SYN_SENT src=10.1.0.11 dst=198.51.100.10 sport=36442 dport=80 zone-orig=100 "
            "[UNREPLIED] src=198.51.100.10 dst=203.0.113.4 sport=80 dport=36442 mark=100 id=3643609464")
        self.assertEqual(event, (1795421207953458000, "tcp", 100, "10.1.0.11:36442", "198.51.100.10:80", "203.0.113.4:36442",
                                 "198.51.100.10:80"))

    def test_ping_has_its_id_as_port(self):
        event = truth.parse_conntrack(
            "[1795421207.5     ]\t [NEW] icmp     1 30 src=10.1.0.11 dst=10.9.0.21 type=8 code=0 id=12 [UNREPLIED] src=10.9.0.21 "
            "dst=203.0.113.1 type=0 code=0 id=13 mark=100 id=99")
        self.assertEqual((event.client, event.server, event.reply_client, event.reply_server),
                         ("10.1.0.11:12", "10.9.0.21:12", "203.0.113.1:13", "10.9.0.21:13"))

    def test_other_lines_are_left_out(self):
        for line in ("", "[1.000001] [DESTROY] tcp 6 src=1.1.1.1", "conntrack v1.4.7"):
            self.assertIsNone(truth.parse_conntrack(line))


class Truth(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.write("conntrack-gw.out", "".join(self.tracked(vip) for vip in (10, 12, 14)))
        self.write("conntrack-lb.out",
                   "[100.000200] [NEW] tcp 6 120 SYN_SENT src=203.0.113.1 dst=198.51.100.10 sport=10 dport=80 [UNREPLIED] "
                   "src=10.9.0.21 dst=203.0.113.1 sport=80 dport=10 id=1\n"
                   "[100.000200] [NEW] tcp 6 120 SYN_SENT src=203.0.113.1 dst=198.51.100.12 sport=12 dport=80 [UNREPLIED] "
                   "src=198.51.100.12 dst=203.0.113.1 sport=80 dport=12 id=2\n")
        self.write("haproxy.out", json.dumps({"t": 100.000, "client": "203.0.113.1:12", "vip": "198.51.100.12:80",
                                              "local": "10.9.0.1:50", "server": "10.9.0.21:8080"}) + "\n{\"torn")
        self.write("delta-fullnat.jsonl", "")

    def write(self, name, text):
        with open(os.path.join(self.folder.name, name), "w") as f:
            f.write(text)

    @staticmethod
    def tracked(vip):
        return (f"[100.000100] [NEW] tcp 6 120 SYN_SENT src=10.1.0.11 dst=198.51.100.{vip} sport={vip} dport=80 zone-orig=100 [UNREPLIED] "
                f"src=198.51.100.{vip} dst=203.0.113.1 sport=80 dport={vip} mark=100 id={vip}\n")

    def test_each_gateways_record_becomes_a_hop(self):
        nat, relay, cut = truth.connections(self.folder.name)
        self.assertEqual((nat["class"], nat["hops"]), ("snat+dnat", ["snat", "dnat"]))
        self.assertEqual(nat["legs"][2]["server"], "10.9.0.21:80")
        self.assertEqual((relay["class"], relay["hops"], relay["legs"][2]["client"]),
                         ("snat+relay-proxy", ["snat", "relay"], "10.9.0.1:50"))
        self.assertEqual((cut["class"], len(cut["legs"])), ("snat+delta-fullnat-incomplete", 2))

    def test_what_the_captures_do_not_hold_is_not_claimed(self):
        starts = {tap: capture.LegStarts() for tap in truth.TAPS}
        whole = truth.connections(self.folder.name)
        for leg in whole[0]["legs"] + whole[1]["legs"][:1]:
            starts[leg["tap"]].starts["tcp", leg["client"], leg["server"], leg["vni"]].append(leg["first_ns"] + 5)
        starts["edge"].starts["tcp", "9.9.9.9:9", "8.8.8.8:8", None].append(1)
        kept, counts = truth.stamp(whole, starts)
        self.assertEqual([c["class"] for c in kept], ["snat+dnat", "snat+relay-proxy-part"])
        self.assertEqual(kept[0]["legs"][0]["first_ns"], whole[0]["legs"][0]["first_ns"] + 5)
        self.assertEqual((counts["partly_captured"], counts["legs_captured"], counts["legs_without_truth"]), (1, 5, 1))


class Answers(unittest.TestCase):
    @staticmethod
    def path(taps, links):
        legs = [{"tap": tap, "client": f"c{i}", "server": f"s{i}", "vni": None, "first_ns": i} for i, tap in enumerate(taps)]
        return {"proto": "tcp", "legs": legs,
                "links": [{"from": i, "to": i + 1, "kind": kind, "grade": grade} for i, (kind, grade) in enumerate(links)]}

    def test_sockets_are_left_out_and_their_links_bridged(self):
        path = self.path(("host", "tenant", "edge", "host", "host", "servers", "host"),
                         (("forward", "A"), ("snat", "A"), ("forward", "B"), ("relay", "A"), ("forward", "A"), ("forward", "A")))
        bare = answers.without_sockets(path, ("tenant", "edge", "servers"))
        self.assertEqual(answers.chain(bare), ("tcp", (("tenant", "c1", "s1", None), ("edge", "c2", "s2", None), ("servers", "c5", "s5", None))))
        self.assertEqual([(link["kind"], link["grade"]) for link in bare["links"]], [("snat", "A"), ("relay", "B")])
        self.assertIsNone(answers.without_sockets(self.path(("host",), ()), ("edge",)))

    def test_a_missing_link_is_not_made_up(self):
        path = self.path(("tenant", "host", "edge"), (("forward", "A"),))
        self.assertEqual(answers.without_sockets(path, ("tenant", "edge"))["links"], [])

    def test_kinds_in_a_row(self):
        for kinds, joined in ((["forward", "forward"], "forward"), (["snat", "forward"], "snat"), (["snat", "dnat"], "fullnat"),
                              (["relay", "snat"], "relay")):
            self.assertEqual(answers.join_kinds(kinds), joined)


if __name__ == "__main__":
    unittest.main()
