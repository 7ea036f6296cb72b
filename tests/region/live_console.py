# SPDX-License-Identifier: Apache-2.0
"""The console over the live region: tests/console/live_console.mjs is run on it, with Chromium."""
import os
import shutil
import subprocess
import time

from topology import mac

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVE_S_MAX = 120


class Console:
    def __init__(self, bin_dir, programs, run_dir, screens=None):
        self.bin, self.programs, self.dir, self.screens = os.path.abspath(bin_dir), programs, run_dir, screens
        self.slowed = mac("dn", "edge")  # what the NAT gateway's frames to delta_fullnat are sent to

    def missing(self):
        """Why there is nothing to look at; empty when all is there."""
        for path, remedy in (("/usr/bin/chromium", "./dev setup"), (f"{self.bin}/../share/clew/console/index.html", "./dev build"),
                             (f"{ROOT}/controlplane/console/node_modules/playwright-core", "./dev build")):
            if not os.path.exists(path):
                return f"SKIPPED, THE CONSOLE WAS NOT LOOKED AT: {path} is not there; '{remedy}' brings it or says why not"
        return "" if shutil.which("node") else "SKIPPED, THE CONSOLE WAS NOT LOOKED AT: node is not installed ('./dev setup')"

    def is_slowed(self, path):
        """Whether a path, from process to process, goes through the slowed gateway."""
        edge = [i for i, leg in enumerate(path["legs"]) if leg["tap"] == "edge" and leg["server_mac"] == self.slowed]
        return (bool(edge) and len(path["legs"]) == 5 and
                any(link["from"] == edge[0] and link["kind"] == "fullnat" for link in path["links"]))

    def drive(self, what, since_ns, path, when_open=None):
        """Runs one part of live_console.mjs; when_open is called once its page stands."""
        words = ["node", f"{ROOT}/tests/console/live_console.mjs", what, "--url", f"http://127.0.0.1:{self.programs.ports['api']}",
                 "--since", str(since_ns), "--slowed", self.slowed, "--path", path["path_id"], "--tap", "edge", "--observer", "live-sensor"]
        if self.screens:
            os.makedirs(self.screens, exist_ok=True)
            words += ["--screens", os.path.abspath(self.screens)]
        with open(f"{self.dir}/console-{what}.log", "w+") as log:
            child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
            try:
                if when_open:
                    child.stdout.readline()
                    when_open()
                    child.stdin.write(f"{time.time_ns()}\n")
                    child.stdin.flush()
                said, _ = child.communicate(timeout=DRIVE_S_MAX)
            finally:
                child.kill()
                child.wait()
            log.seek(0)
            print(said, end="")
            if child.returncode:
                raise AssertionError(f"the console, {what}: {said}{log.read()[-3000:]}")
