#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sensor beside softflowd, nfpcapd, argus-server and ndpiReader: user and system CPU time for one packet of one
capture file that lies in the page cache. Each runs in turn, several times; the median counts. What a program takes for a
capture of a thousand packets (its start and its end) is told beside the whole.

usage: peers.py [--install] [--packets N] [--legs N] [--rate N] [--pcap FILE] [--rounds N] [--only NAME,…] [--json]

The sensor reports a living leg once a second by the packets' own stamps, so --rate, the packets a second that the
stamps tell, says how many packets one of its records stands for; the peers report a flow at its end alone. The capture
takes 110 bytes a packet of the temporary folder.

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
SHORT_PACKETS = 1000
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


def measure(pcap, rounds, legs, only):
    """Of each program the CPU seconds of its rounds; None where it failed."""
    times = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            for program, command in commands(pcap, pathlib.Path(name), legs).items():
                if shutil.which(command[0]) and (not only or program in only):
                    times.setdefault(program, []).append(cpu_seconds(command))
    return times


def make_traffic(path, packets, options):
    subprocess.run([str(BUILD / "bench/tools/traffic_pcap"), path, str(packets), str(options.legs), str(options.rate)],
                   check=True)
    pathlib.Path(path).read_bytes()  # into the page cache


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--legs", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="these programs alone, with commas between")
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
    only = set(filter(None, options.only.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        pcap = options.pcap
        if not pcap:
            pcap = f"{folder}/traffic.pcap"
            make_traffic(pcap, options.packets, options)
        pathlib.Path(pcap).read_bytes()
        short = f"{folder}/short.pcap"
        make_traffic(short, SHORT_PACKETS, options)
        count = packets_in(pcap)
        times = measure(pcap, options.rounds, options.legs, only)
        starts = measure(short, options.rounds, options.legs, only)
    show(options, count, times, starts)
    return 0


def show(options, count, times, starts):
    own = None
    for program, values in times.items():
        good = [v * 1e9 / count for v in values if v is not None]
        if not good:
            print(f"{program}: failed on this file", file=sys.stderr)
            continue
        median = statistics.median(good)
        start_s = statistics.median([v for v in starts[program] if v is not None] or [0])
        own = median if program == "clew-sensor" else own
        ours = round(median / own, 2) if own else None
        stamps = "" if options.pcap else f", stamped {options.rate} a second, {options.legs} legs"
        figure = {"name": f"peers.{program}.cpu_ns_per_packet", "value": round(median, 1), "unit": "ns",
                  "spread": [round(min(good), 1), round(max(good), 1)], "times_ours": ours,
                  "start_s": round(start_s, 3), "beyond_start": round(median - start_s * 1e9 / count, 1),
                  "conditions": f"user+system, {count} packets from the page cache{stamps}, median of {len(good)}"}
        if options.json:
            print(json.dumps(figure))
        else:
            print(f"{program:12} {median:8.1f} ns a packet  ({min(good):.1f} … {max(good):.1f})  {ours or '-':>6} x "
                  f"clew-sensor; start {start_s:.3f} s, without it {figure['beyond_start']:.1f} ns")


if __name__ == "__main__":
    sys.exit(main())
