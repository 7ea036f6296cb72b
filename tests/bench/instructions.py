#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions a packet of the sensor's path, counted by callgrind: they repeat exactly, whatever else the machine does.

usage: instructions.py PROGRAM            compares with tests/bench/instructions.json; exit 1 when there are more
       instructions.py PROGRAM --write    stores today's number

More than TOLERANCE above the stored number fails. Far fewer is told, so that the number is lowered with the code.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

STORED = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05


def count(program):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=clew_measured_part",
                              f"--callgrind-out-file={folder}/out", program], text=True, capture_output=True)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not collected:
        sys.exit(f"instructions: {program} did not run under callgrind:\n{run.stderr[-2000:]}")
    return int(collected[1]) / int(run.stdout)


def main():
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] != "--write"):
        sys.exit(2 if print(__doc__, file=sys.stderr) is None else 2)
    if not shutil.which("valgrind"):
        print("Skipped: valgrind is not installed; ./dev setup installs it")
        return 77
    measured = count(sys.argv[1])
    if len(sys.argv) == 3:
        STORED.write_text(json.dumps({"sensor.instructions_per_packet": round(measured, 1)}) + "\n")
    stored = json.loads(STORED.read_text())["sensor.instructions_per_packet"]
    print(f"sensor.instructions_per_packet {measured:.1f}, stored {stored}, tolerance {TOLERANCE:.0%}")
    if measured > stored * (1 + TOLERANCE):
        print("more than before: make it cheaper, or say in the commit why it is worth it and run with --write")
        return 1
    if measured < stored * (1 - TOLERANCE):
        print("fewer than before: run with --write, so that they stay")
    return 0


if __name__ == "__main__":
    sys.exit(main())
