#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real gateway region in network namespaces: makes it, sends traffic through it, records it, tells the truth about it."""
import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import services
import topology
import truth
from topology import SERVERS, TAPS, VIP, VIP_PORT, VNI_OF_CLIENT, RegionError, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT_NAMES = {"c1": "shop-web", "c2": "shop-batch", "c3": "bank-web"}
CLOCK = "gw-host"


class Region:
    def __init__(self, args):
        self.topology = topology.Topology(args.prefix)
        self.dir = os.path.abspath(args.run_dir)
        self.log_dir = f"{self.dir}/log"
        self.services = services.Services(self.topology, self.dir, args.delta_fullnat)

    def up(self):
        if self.topology.exists():
            down = sorted(name for name, runs in self.services.running().items() if not runs)
            if not down and self.services.running():
                return f"region '{self.topology.prefix}' is already up"
            raise RegionError(f"region '{self.topology.prefix}' is half up (not running: {', '.join(down) or 'everything'}); "
                              f"run region.py down first")
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.log_dir)
        self.services.write("state.json", json.dumps(self.services.state()))
        try:
            self.topology.up()
            self.services.up()
        except BaseException:
            self.down()
            raise
        taps = ", ".join(f"{tap} = {self.topology.tap_interface(tap)}" for tap in TAPS)
        return f"region '{self.topology.prefix}' is up; taps: {taps}"

    def down(self):
        self.services.down()
        for node in topology.NODES:  # what else was started inside
            pids = run("ip", "netns", "pids", self.topology.ns(node), check=False).split()
            services.stop([(int(pid), services.start_time(int(pid))) for pid in pids])
        self.topology.down()
        with contextlib.suppress(OSError):
            os.remove(self.services.state_file)
        return f"region '{self.topology.prefix}' is down"

    def need_up(self):
        running = self.services.running()
        missing = [name for name, runs in running.items() if not runs]
        if not running or missing or not self.topology.exists():
            raise RegionError(f"region '{self.topology.prefix}' is not up{': ' + ', '.join(missing) if missing else ''}; run region.py up first")

    def status(self):
        self.need_up()
        return f"region '{self.topology.prefix}' is up: {', '.join(sorted(self.services.running()))}"

    def traffic(self, connections, rate, seed):
        """Sends `connections` TCP connections over all VIPs at `rate` a second, and DNS, ping and curl beside them."""
        self.need_up()
        clients = list(VNI_OF_CLIENT)
        children = []
        for i, node in enumerate(clients):
            share = connections // len(clients) + (i < connections % len(clients))
            command = [sys.executable, f"{os.path.dirname(os.path.abspath(__file__))}/traffic_client.py", "--name", CLIENT_NAMES[node],
                       "--vni", VNI_OF_CLIENT[node], "--connections", share, "--rate", rate / len(clients), "--seed", seed * 10 + i,
                       "--dns", SERVERS["dns"], "--log", f"{self.log_dir}/clients.jsonl"]
            for ip in VIP.values():
                command += ["--vip", ip]
            children.append(subprocess.Popen(self.topology.inside(node) + [str(word) for word in command]))
            children.append(self.ping(node, SERVERS["w1"]))
            self.curl(node, VIP["dnat"])
        try:
            codes = [child.wait() for child in children]
        except BaseException:
            for child in children:
                child.kill()
            raise
        if any(codes):
            raise RegionError("some connections failed; see the lines above")
        return f"{connections} connections over {len(VIP)} VIPs from {len(clients)} clients, all answered"

    def ping(self, node, server):
        return subprocess.Popen(self.topology.inside(node) + ["ping", "-q", "-c", "3", "-i", "0.2", "-W", "5", server],
                                stdout=subprocess.DEVNULL)

    def curl(self, node, vip):
        entry = {"proto": "tcp", "server": f"{vip}:{VIP_PORT}", "comm": "curl", "vni": VNI_OF_CLIENT[node], "t_ns": time.time_ns()}
        child = subprocess.Popen(self.topology.inside(node) + ["curl", "-sS", "-m", "10", "-o", "/dev/null", "-w",
                                                               "%{local_ip}:%{local_port} %{http_code}", f"http://{vip}/"],
                                 stdout=subprocess.PIPE, text=True)
        words = (child.communicate()[0] or "- 0").split()
        entry.update(pid=child.pid, client=words[0], ok=words[-1] == "200")
        with open(f"{self.log_dir}/clients.jsonl", "a") as log:
            log.write(json.dumps(entry) + "\n")
        if not entry["ok"]:
            raise RegionError(f"curl http://{vip}/ from {self.topology.ns(node)} failed: {' '.join(words)}")

    @contextlib.contextmanager
    def recording(self, corpus_dir):
        """Captures every tap into corpus_dir while the block runs; writes region.json, truth.jsonl, processes.jsonl after it."""
        self.need_up()
        os.makedirs(corpus_dir, exist_ok=True)
        children = []
        try:
            for i, tap in enumerate(TAPS):
                child = subprocess.Popen(self.topology.inside("sw") + ["tcpdump", "-i", f"m{i}", "-w", f"{corpus_dir}/{tap}.pcap", "-U",
                                         "--immediate-mode", "--time-stamp-precision=nano", "-B", "65536", "-s", "0", "-Z", "root"],
                                         stderr=subprocess.PIPE, text=True, start_new_session=True)
                children.append(child)
                while "listening on" not in (line := child.stderr.readline()):
                    if not line:
                        raise RegionError(f"tcpdump did not start on tap {tap}")
            yield
            time.sleep(0.5)  # what is still on its way to the files and the logs
        finally:
            for child in children:
                child.send_signal(signal.SIGINT)
            words = [child.communicate()[1] for child in children]
        for tap, text in zip(TAPS, words):
            if "\n0 packets dropped by kernel" not in text:
                print(f"region.py: warning: the capture of tap {tap} has gaps: {text.strip().splitlines()[-1]}", file=sys.stderr)
        with open(f"{corpus_dir}/region.json", "w") as f:
            json.dump({"taps": [{"name": tap, "file": f"{tap}.pcap", "clock": CLOCK} for tap in TAPS]}, f)

    def record(self, corpus_dir, seconds, connections, rate, seed):
        with self.recording(corpus_dir):
            if connections:
                self.traffic(connections, rate, seed)
            else:
                with contextlib.suppress(KeyboardInterrupt):
                    time.sleep(seconds)
        return self.truth(corpus_dir)

    def truth(self, corpus_dir):
        counts = truth.write_truth(corpus_dir, self.log_dir)
        return f"{corpus_dir}: " + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())


def arguments():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--prefix", default="clew", help="names of namespaces and tap interfaces start with it (default: clew)")
    common.add_argument("--run-dir", help="logs, configurations, pids (default: .run/region, for another prefix .run/region-PREFIX)")
    common.add_argument("--delta-fullnat", default=f"{ROOT}/build/release/tests/delta_fullnat", help="the gateway program")
    rate = argparse.ArgumentParser(add_help=False)
    rate.add_argument("--rate", type=float, default=50, help="connections a second (default: 50)")
    rate.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="for the same requests again")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|traffic|record|truth")

    def command(name, words, *more):
        return commands.add_parser(name, help=words, description=words, parents=[common, *more])

    command("up", "make the region and start its programs")
    command("down", "stop and remove everything that up made")
    command("status", "exit code 0 when the region is up")
    command("traffic", "real connections over all VIPs, DNS look-ups, pings; ends by itself", rate).add_argument(
        "--connections", type=int, default=500)
    record = command("record", "capture all taps into a corpus folder, with its truth", rate)
    record.add_argument("corpus", metavar="DIR")
    record.add_argument("--connections", type=int, default=0, help="send so many connections, then end")
    record.add_argument("--seconds", type=float, default=10, help="how long, when no --connections are asked for (default: 10)")
    command("truth", "write truth.jsonl and processes.jsonl for the captures in a folder").add_argument("corpus", metavar="DIR")
    args = parser.parse_args()
    args.run_dir = args.run_dir or os.path.join(".run", "region" if args.prefix == "clew" else f"region-{args.prefix}")
    return args


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if os.geteuid():
            print("region.py: needs root: network namespaces; run it with sudo", file=sys.stderr)
            return 5
        region = Region(args)
        if args.command == "traffic":
            words = region.traffic(args.connections, args.rate, args.seed)
        elif args.command == "record":
            words = region.record(args.corpus, args.seconds, args.connections, args.rate, args.seed)
        elif args.command == "truth":
            words = region.truth(args.corpus)
        else:
            words = getattr(region, args.command)()
        print(words)
        return 0
    except RegionError as error:
        print(f"region.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
