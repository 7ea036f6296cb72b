#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grades what the engine learns of gateways: for classes with one middlebox each, the traits that the generator gives it."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# class -> trait -> value; what is not named here is not graded
WANTED = {
    "forward": {"kind": "forward", "client-sequence": "kept", "server-sequence": "kept", "ttl": "1"},
    "snat": {"kind": "snat", "client-sequence": "kept", "server-sequence": "kept", "client-port": "changed", "handshake": "passed"},
    "dnat": {"kind": "dnat", "client-sequence": "kept", "server-sequence": "kept", "ip-id": "kept"},
    "fullnat": {"kind": "fullnat", "client-sequence": "kept", "server-sequence": "kept", "timestamps": "kept"},
    "delta": {"kind": "fullnat", "client-sequence": "shifted", "server-sequence": "kept", "timestamps": "stripped"},
    "delta-timestamps": {"kind": "fullnat", "client-sequence": "shifted", "server-sequence": "kept", "timestamps": "kept"},
    "synproxy": {"kind": "forward", "client-sequence": "kept", "server-sequence": "shifted", "handshake": "answered"},
    "fullnat+synproxy": {"kind": "fullnat", "client-sequence": "shifted", "server-sequence": "shifted", "handshake": "answered"},
    "firewall-no-timestamps": {"kind": "forward", "client-sequence": "shifted", "server-sequence": "shifted", "timestamps": "stripped"},
    "relay-v2": {"kind": "relay"},
}


def run(*command):
    done = subprocess.run([str(c) for c in command], check=False, text=True, capture_output=True)
    if done.returncode not in (0, 4):
        sys.exit(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parents[2] / "build/release", help="the build folder")
    parser.add_argument("--connections", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wrong = 0
    for name, traits in WANTED.items():
        with tempfile.TemporaryDirectory(prefix="clew-gateways-") as corpus:
            run(options.bin / "tests/clew-sim", "--class", name, "--connections", options.connections, "--seed", options.seed, "-o", corpus)
            lines = run(options.bin / "bin/clew", "replay", "--gateways", "--format", "jsonl", corpus).splitlines()
        gateways = [g for g in map(json.loads, lines) if int(g["links"]) >= 32]
        # The generator has four instances of every middlebox, told apart by their MAC addresses.
        found = {t["name"]: {g_t["value"] for g in gateways for g_t in g["traits"] if g_t["name"] == t["name"]} for g in gateways for t in g["traits"]}
        bad = [f"{trait} is {sorted(found.get(trait, set()))}, not {value}" for trait, value in traits.items() if found.get(trait) != {value}]
        events = [e for g in gateways for e in g["events"] if not e["what"].startswith("delay")]
        if len(gateways) != 4:
            bad.append(f"{len(gateways)} gateways, not 4")
        if events:
            bad.append(f"events where nothing changes: {events[:2]}")
        wrong += bool(bad)
        print(f"{name:26}{len(gateways):>3} gateways  {'; '.join(bad) or 'as it is'}")
    print(f"{wrong} classes are told wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
