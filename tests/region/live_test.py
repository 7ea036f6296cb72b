#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole of Clew on a live region, graded against its truth: sensor on the taps, agent, control plane with its store.

One region and one set of programs for all tests; they run in the order of their numbers.
"""
import argparse
import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import answers
import capture
import live_console
import truth
from live_programs import Programs
from region import Region
from topology import TAPS, VIP, free_prefix

CONNECTIONS, RATE = 600, 100
SLACK_MS = 1000  # the captures and the sensor stamp apart from each other
LADDERS = 20  # so many are checked packet by packet
LADDER_CLASSES = ("snat+dnat", "snat+fullnat", "snat+delta-fullnat", "dns", "icmp")  # each packet passes through as one
VISIBLE_S = 2.0  # the requirement: a path is visible this soon after its handshake
SETTLE_S = 30  # how long to wait for what must come
CONTROL_AWAY_S = 20
SLOW_CONNECTIONS = 240
TIME_S_MAX = 360  # then the test gives up by itself, so that everything is taken down
options = argparse.Namespace(late=False)


def wait_until(condition, timeout_s):
    """Asks until the condition gives something true, and returns that; at the end whatever it last gave."""
    end = time.monotonic() + timeout_s
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return result


def give_up(*_):
    options.late = True
    raise TimeoutError(f"the live test took more than {TIME_S_MAX} s")


def share(part, whole):
    return part / whole if whole else 0.0


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.dir = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="clew-live-"))
        prefix = cls.stack.enter_context(free_prefix("live"))
        cls.region = Region(argparse.Namespace(prefix=prefix, run_dir=f"{cls.dir}/region", delta_fullnat=options.delta_fullnat))
        cls.stack.callback(cls.keep_logs)
        cls.region.down()  # what a killed run may have left
        cls.stack.callback(cls.region.down)
        cls.region.up()
        cls.programs = Programs(options.bin, f"{cls.dir}/clew", cls.region.topology)
        cls.stack.callback(cls.programs.stop)
        for name in ("control", "sensor", "agent"):
            cls.programs.start(name)

    def setUp(self):
        if options.late:
            self.fail(f"not run: the tests before took more than {TIME_S_MAX} s")

    @classmethod
    def keep_logs(cls):
        if options.keep:
            subprocess.run(["cp", "-r", cls.dir, options.keep], check=False)

    def region_paths(self, since_ns):
        """Paths by the taps' legs alone."""
        bare = (answers.without_sockets(path, TAPS) for path in self.programs.paths(since_ns))
        return [path for path in bare if path]

    def print_wrong(self, wanted, since_ns):
        """What was put in one path and does not belong together, and whether it still stands later."""
        wrong = [p for p in self.paths if len(p["legs"]) > 1 and answers.chain(p) not in wanted]
        time.sleep(SETTLE_S / 3)
        later = {leg["leg_id"]: path for path in self.programs.paths(since_ns) for leg in path["legs"]}
        for path in wrong:
            now = later.get(path["legs"][0]["leg_id"])
            print(f"wrong: {json.dumps(path)}\nlater: {json.dumps(now)}", file=sys.stderr)

    def test_1_the_first_path_is_visible_soon_after_its_handshake(self):
        since_ns = time.time_ns()
        self.region.curl("c1", VIP["fullnat"])
        with open(f"{self.region.log_dir}/clients.jsonl") as f:
            client = json.loads(f.readlines()[-1])["client"]

        def traced():
            return [p for p in self.region_paths(since_ns) if len(p["legs"]) == 3 and p["legs"][0]["client"] == client]
        found = wait_until(traced, SETTLE_S)
        self.assertTrue(found, f"{client} was not traced; see {self.programs.clew('status').stdout}")
        seconds = (time.time_ns() - found[0]["legs"][0]["first_ns"]) / 1e9
        print(f"first path visible {seconds:.2f} s after its first packet", file=sys.stderr)
        self.assertLess(seconds, VISIBLE_S)

    def test_2_connections_over_all_vips_are_graded(self):
        corpus = f"{self.dir}/corpus"
        since_ns = time.time_ns()
        with self.region.recording(corpus):
            self.region.traffic(options.connections, options.rate, 1)
        counts = truth.write_truth(corpus, self.region.log_dir)
        type(self).window = since_ns, time.time_ns()
        self.assertEqual((counts["partly_captured"], counts["legs_without_truth"]), (0, 0))
        with open(f"{corpus}/truth.jsonl") as f:
            wanted = {answers.chain(json.loads(line)) for line in f}

        def complete():
            type(self).raw = self.programs.paths(since_ns)
            bare = (answers.without_sockets(path, TAPS) for path in self.raw)
            type(self).paths = [p for p in bare if p and answers.in_time(p, *self.window)]
            return wanted <= {answers.chain(p) for p in self.paths}
        wait_until(complete, SETTLE_S)
        with open(f"{self.dir}/answer.jsonl", "w") as f:
            f.writelines(json.dumps(path) + "\n" for path in self.paths)
        score = [options.score, corpus, f"{self.dir}/answer.jsonl", "--slack-ms", str(SLACK_MS)]
        print(subprocess.run(score, text=True, capture_output=True).stdout, file=sys.stderr)
        overall = json.loads(subprocess.run(score + ["--json"], text=True, capture_output=True, check=True).stdout)["all"]
        if overall["precision"] < 1.0:
            self.print_wrong(wanted, since_ns)
        self.assertGreaterEqual(counts["connections"], 500)
        self.assertEqual(overall["precision"], 1.0)
        self.assertGreaterEqual(overall["recall"], 0.99)
        self.assertGreaterEqual(overall["order"], 0.99)
        self.assertGreaterEqual(overall["kind"], 0.99)
        self.assertLessEqual(overall["legs_invented"], overall["legs"] * 0.01)

    def test_3_paths_end_in_the_right_processes(self):
        ends = {}
        for path in self.raw:
            for leg in path["legs"]:
                if leg["tap"] == "tenant":
                    ends[answers.leg_key(leg)] = answers.process_ends(path)
        with open(f"{self.dir}/corpus/truth.jsonl") as f:
            first_leg = {c["id"]: c["legs"][0] for c in map(json.loads, f)}
        with open(f"{self.dir}/corpus/processes.jsonl") as f:
            rows = [json.loads(line) for line in f]
        names = pids = 0
        for row in rows:
            got = ends.get(answers.leg_key(first_leg[row["id"]]), [None, None])
            want = [(row[end]["comm"], row[end]["pid"]) for end in ("client", "server")]
            names += all(g and g[0] == w[0] for g, w in zip(got, want))
            pids += got == want
        print(f"process names right at both ends: {names} of {len(rows)}; names and pids: {pids}", file=sys.stderr)
        self.assertGreaterEqual(share(names, len(rows)), 0.99)
        self.assertGreaterEqual(share(pids, len(rows)), 0.99)

    def test_4_ladders_line_up_every_packet_of_all_taps(self):
        corpus = f"{self.dir}/corpus"
        packets = collections.Counter()
        for tap in TAPS:
            for time_ns, frame in capture.frames(f"{corpus}/{tap}.pcap"):
                packet = capture.parse(time_ns, frame)
                if packet:
                    packets[tap, packet.source, packet.target, packet.vni] += 1
        first_leg = {answers.leg_key(leg): path["path_id"] for path in self.raw for leg in path["legs"] if leg["tap"] == "tenant"}
        with open(f"{corpus}/truth.jsonl") as f:
            connections = [json.loads(line) for line in f]
        # Packets are counted by addresses and ports: of a port that was used again they are two connections' packets.
        uses = collections.Counter(answers.leg_key(leg) for c in connections for leg in c["legs"])
        once = (c for c in connections if all(uses[answers.leg_key(leg)] == 1 for leg in c["legs"]))
        whole = [c for c in once if c["class"] in LADDER_CLASSES][-10 * LADDERS:]  # the sensor keeps the newest
        for connection in whole[::len(whole) // LADDERS]:
            done = self.programs.clew("ladder", first_leg[answers.leg_key(connection["legs"][0])], "--format", "jsonl")
            self.assertEqual(done.returncode, 0, done.stderr)
            cells = collections.Counter()
            for row in map(json.loads, done.stdout.splitlines()):
                cells.update(cell["tap"] for cell in row["cells"] if cell["seen"])
                self.assertTrue(all(cell["seen"] for cell in row["cells"]), row)
            self.assertEqual(cells, {leg["tap"]: packets[answers.leg_key(leg)] + packets[leg["tap"], leg["server"], leg["client"], leg["vni"]]
                                     for leg in connection["legs"]}, connection)
            self.__class__.of_before = first_leg[answers.leg_key(connection["legs"][0])], cells
            self.__class__.client_of_before = connection["legs"][0]["client"]
        self.check_capture(*self.of_before)
        self.check_look_back(self.client_of_before)
        kept = self.programs.clew("vault", "status", "--format", "jsonl")
        self.assertEqual(kept.returncode, 0, kept.stderr)
        print(kept.stdout, self.programs.clew("ladder", self.of_before[0], "--fold").stdout, file=sys.stderr)
        dropped = {name: count for name, count in json.loads(kept.stdout).items() if "dropped" in name}
        self.assertFalse(any(dropped.values()), dropped)

    def check_capture(self, path_id, cells):
        """The path's packets as one pcapng: as many at each tap as its ladder has, each packet under one id at all taps."""
        if not shutil.which("tshark"):
            return
        file = f"{self.dir}/path.pcapng"
        done = self.programs.clew("pcap", path_id, "-w", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("whole", done.stderr)
        self.assertNotIn("headers only", done.stderr)
        fields = ["-e", "frame.interface_name", "-e", "frame.packet_id", "-e", "_ws.malformed"]
        read = subprocess.run(["tshark", "-r", file, "-T", "fields", *fields], text=True, capture_output=True, check=True)
        warnings = [line for line in read.stderr.splitlines() if "as user" not in line]
        self.assertFalse(warnings)
        self.check_frames(file, cells)
        rows = [line.split("\t") for line in read.stdout.splitlines()]
        self.assertEqual(collections.Counter(row[0] for row in rows), cells)
        self.assertEqual(set(collections.Counter(row[1] for row in rows).values()), {len(cells)})
        self.assertFalse([row for row in rows if row[2]])

    def check_frames(self, file, cells):
        """Every packet of the pcapng is a frame that tcpdump captured at the same tap, byte for byte."""
        found = collections.Counter(capture.pcapng_frames(file))
        self.assertEqual(sum(found.values()), sum(cells.values()))
        for tap in cells:
            captured = collections.Counter((tap, frame) for _, frame in capture.frames(f"{self.dir}/corpus/{tap}.pcap"))
            of_tap = collections.Counter({key: count for key, count in found.items() if key[0] == tap})
            self.assertFalse(of_tap - captured, f"packets at {tap} that tcpdump did not see so")

    def check_look_back(self, client):
        """Without a path: the connection by its client's address and port at the first tap, out of the vault."""
        address, port = client.split(":")
        file = f"{self.dir}/look-back.pcapng"
        done = self.programs.clew("pcap", "--vault", "--since", "10m", "-w", file, "--hop", TAPS[0], "ip.addr", "==", address,
                                  "and", "port", "==", port)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(sum(1 for _ in capture.pcapng_frames(file)), 0)
        by_filter = self.programs.clew("pcap", "--bpf", f"host {address} and port {port}", "--since", "10m", "-w",
                                       f"{self.dir}/bpf.pcapng", "--hop", TAPS[0])
        self.assertEqual(by_filter.returncode, 0, by_filter.stderr)
        self.assertEqual(collections.Counter(capture.pcapng_frames(f"{self.dir}/bpf.pcapng")),
                         collections.Counter(capture.pcapng_frames(file)))

    def test_5_the_recorded_taps_give_the_same_paths(self):
        done = self.programs.clew("replay", f"{self.dir}/corpus", "--format", "jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        offline = {answers.chain(path) for path in answers.read_paths(done.stdout)}
        live = {answers.chain(path) for path in self.paths}
        self.assertEqual(live, offline)

    def test_6_nothing_is_missing_after_the_control_plane_was_killed(self):
        corpus = f"{self.dir}/corpus-control-killed"
        since_ns = time.time_ns()
        rate = 20
        with self.region.recording(corpus):
            with self.traffic_beside((CONTROL_AWAY_S + 6) * rate, rate):
                time.sleep(3)
                self.programs.kill("control")
                time.sleep(CONTROL_AWAY_S)
                self.programs.start("control")
        self.check_every_captured_leg(corpus, since_ns)

    def test_7_the_sensor_starts_again_on_the_same_interfaces(self):
        self.assertTrue(wait_until(self.nothing_is_open, SETTLE_S), "the vault's open blocks did not reach the disk")
        self.programs.kill("sensor")
        self.programs.start("sensor")
        corpus = f"{self.dir}/corpus-sensor-killed"
        since_ns = time.time_ns()
        with self.region.recording(corpus):
            self.region.traffic(60, 60, 3)
        self.check_every_captured_leg(corpus, since_ns)
        self.check_capture(*self.of_before)  # out of what the killed sensor had written

    def nothing_is_open(self):
        state = json.loads(self.programs.clew("vault", "status", "--format", "jsonl").stdout)
        return state["header_bytes_open"] == 0 and state["packet_bytes_open"] == 0

    def test_8_the_console_shows_the_slowed_gateway_and_the_killed_sensor(self):
        console = live_console.Console(options.bin, self.programs, self.dir, options.screens)
        if console.missing():
            self.skipTest(console.missing())
        since_ns = time.time_ns()
        self.region.services.change_delta_fullnat()
        self.region.traffic(SLOW_CONNECTIONS, SLOW_CONNECTIONS / 10, 4)
        self.region.services.change_delta_fullnat()
        slow = wait_until(lambda: [p for p in self.programs.paths(since_ns) if console.is_slowed(p)], SETTLE_S)
        self.assertTrue(slow, "no path went through the slowed gateway")
        console.drive("region", since_ns, slow[0])
        console.drive("away", since_ns, slow[0], lambda: self.programs.kill("sensor"))
        self.programs.start("sensor")

    def test_9_the_programs_end_cleanly(self):
        self.assertEqual(self.programs.stop(), {"agent": 0, "sensor": 0, "control": 0})

    @contextlib.contextmanager
    def traffic_beside(self, connections, rate):
        """Sends traffic while the block runs, and until it ends by itself."""
        failures = []

        def send():
            try:
                self.region.traffic(connections, rate, 2)
            except Exception as error:  # told by the thread that waits
                failures.append(error)
        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        self.assertFalse(failures)

    def check_every_captured_leg(self, corpus, since_ns):
        """Waits until every leg of the captures is printed, and every connection's legs in one path."""
        truth.write_truth(corpus, self.region.log_dir)
        captured = {(tap, *key[1:]) for tap in TAPS for key in capture.read_leg_starts(f"{corpus}/{tap}.pcap").starts}
        with open(f"{corpus}/truth.jsonl") as f:
            chains = {answers.chain(json.loads(line)) for line in f}

        def missing():
            paths = self.region_paths(since_ns)
            seen = {answers.leg_key(leg) for path in paths for leg in path["legs"]}
            return captured - seen, chains - {answers.chain(path) for path in paths}
        wait_until(lambda: not any(missing()), SETTLE_S)
        legs, connections = missing()
        print(f"legs captured: {len(captured)}, missing: {len(legs)}; connections: {len(chains)}, not whole: {len(connections)}",
              file=sys.stderr)
        self.assertFalse(sorted(map(str, legs))[:10])
        self.assertFalse(sorted(map(str, connections))[:3])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder with clew, clew-sensor, …")
    parser.add_argument("--score", required=True, help="the program clew-score")
    parser.add_argument("--delta-fullnat", required=True)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rate", type=float, default=RATE, help="connections a second")
    parser.add_argument("--screens", help="keep screenshots of the console there")
    parser.add_argument("--keep", help="copy logs, captures and answers there at the end")
    arguments, rest = parser.parse_known_args()
    vars(options).update(vars(arguments))
    if os.geteuid():
        print("SKIPPED: the live test needs root (network namespaces, eBPF, AF_XDP); run the tests with sudo", file=sys.stderr)
        return 77
    signal.signal(signal.SIGTERM, give_up)
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TIME_S_MAX)
    return not unittest.main(argv=[sys.argv[0], "-v", *rest], exit=False, warnings="ignore").result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
