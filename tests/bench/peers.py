#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sensor beside softflowd, nfpcapd, argus-server and ndpiReader: user and system CPU time for one packet of one
capture file that lies in the page cache. Each runs in turn, several times; the median counts.

usage: peers.py [--install] [--packets N] [--legs N] [--pcap FILE] [--rounds N] [--json]

--install installs the peers' Debian packages (root); only this script needs them. A peer that is not there is skipped,
loudly. The peers take no tunnel off and look at outer addresses alone; the sensor does all of its work.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
PACKAGES = {"softflowd": "softflowd", "nfpcapd": "nfdump", "argus": "argus-server", "ndpiReader": "libndpi-bin"}
PEER_S_MAX = 300  # one that has not ended by then is ended, and counts as failed
SENSOR_CONFIG = """program: sensor
observer: bench
clock: bench
taps:
  - {{name: file, source: "pcap:{pcap}"}}
leg_count_max: {legs}
header_count_max: 65536
control: {{endpoint: "tcp://127.0.0.1:9"}}
spool: {{directory: {folder}/spool}}
"""


def packets_in(path):
    out = subprocess.run(["capinfos", "-Mc", path], text=True, capture_output=True, check=True).stdout
    return int(out.split("Number of packets:")[1].split()[0])


def commands(pcap, folder, legs):
    config = folder / "sensor.yaml"
    config.write_text(SENSOR_CONFIG.format(pcap=pcap, legs=legs + legs // 4, folder=folder))
    (folder / "nf").mkdir()
    return {
        "clew-sensor": [str(BUILD / "bin/clew-sensor"), "--config", str(config)],
        "softflowd": ["softflowd", "-d", "-r", pcap, "-m", "1000000", "-p", str(folder / "pid"), "-c", "none"],
        "nfpcapd": ["nfpcapd", "-r", pcap, "-w", str(folder / "nf")],
        "argus": ["argus", "-X", "-r", pcap, "-w", str(folder / "argus.out")],
        "ndpiReader": ["ndpiReader", "-i", pcap, "-q"],
    }


def cpu_seconds(command):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watch = threading.Timer(PEER_S_MAX, child.kill)
    watch.start()
    _, status, usage = os.wait4(child.pid, 0)
    watch.cancel()
    if os.waitstatus_to_exitcode(status) != 0:
        return None
    return usage.ru_utime + usage.ru_stime


def measure(pcap, rounds, legs):
    count = packets_in(pcap)
    times = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            for program, command in commands(pcap, pathlib.Path(name), legs).items():
                if not shutil.which(command[0]):
                    continue
                seconds = cpu_seconds(command)
                times.setdefault(program, []).append(None if seconds is None else seconds * 1e9 / count)
    return count, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--packets", type=int, default=2_000_000)
    parser.add_argument("--legs", type=int, default=50_000)
    parser.add_argument("--pcap", help="a capture of your own instead of the benchmark's traffic")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.install:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES.values()], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    for program, package in PACKAGES.items():
        if not shutil.which(program):
            print(f"SKIPPED: {program} is not installed (package {package}; --install gets it)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        pcap = options.pcap
        if not pcap:
            pcap = f"{folder}/traffic.pcap"
            subprocess.run([str(BUILD / "bench/tools/traffic_pcap"), pcap, str(options.packets), str(options.legs)], check=True)
        pathlib.Path(pcap).read_bytes()  # into the page cache
        count, times = measure(pcap, options.rounds, options.legs)
    own = None
    for program, values in times.items():
        good = [v for v in values if v is not None]
        if not good:
            print(f"{program}: failed on this file", file=sys.stderr)
            continue
        median = statistics.median(good)
        own = median if program == "clew-sensor" else own
        figure = {"name": f"peers.{program}.cpu_ns_per_packet", "value": round(median, 1), "unit": "ns",
                  "spread": [round(min(good), 1), round(max(good), 1)], "times_ours": round(median / own, 2),
                  "conditions": f"user+system, {count} packets from the page cache, median of {len(good)}"}
        if options.json:
            print(json.dumps(figure))
        else:
            print(f"{program:12} {median:8.1f} ns a packet  ({min(good):.1f} … {max(good):.1f})  {median / own:6.2f} x clew-sensor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
