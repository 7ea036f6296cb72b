# SPDX-License-Identifier: Apache-2.0
"""Clew's programs for the live tests: configurations, start, kill -9, clean end, and questions through `clew`."""
import os
import signal
import socket
import subprocess
import time

import answers
from topology import TAPS, RegionError

READY_TIMEOUT_S = 60

SENSOR = """program: sensor
observer: live-sensor
clock: gw-host
taps:
{taps}
workers: 1
leg_count_max: 65536
header_count_max: 262144
vault: {{directory: {dir}/vault, bytes_max: 268435456, packets: {{bytes_max: 268435456, block_mb: 4}}}}
memory: {{huge_pages: never, mb: 256}}
control: {{endpoint: "tcp://127.0.0.1:{wire}"}}
spool: {{directory: {dir}/sensor-spool, bytes_max: 268435456}}
"""
AGENT = """program: agent
observer: live-agent
clock: gw-host
control: {{endpoint: "tcp://127.0.0.1:{wire}"}}
spool: {{directory: {dir}/agent-spool}}
"""
CONTROL = """program: control
wire: {{endpoint: "tcp://127.0.0.1:{wire}"}}
api: {{address: 127.0.0.1, port: {api}}}
store: {{directory: {dir}/store}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Programs:
    def __init__(self, bin_dir, run_dir, topology):
        self.bin, self.dir, self.children, self.starts = os.path.abspath(bin_dir), run_dir, {}, 0
        self.ports = {"wire": free_port(), "api": free_port()}
        os.makedirs(run_dir, exist_ok=True)
        taps = "\n".join(f'  - {{name: {tap}, source: "af_xdp:{topology.tap_interface(tap)}"}}' for tap in TAPS)
        for name, text in (("sensor", SENSOR), ("agent", AGENT), ("control", CONTROL)):
            with open(f"{run_dir}/{name}.yaml", "w") as f:
                f.write(text.format(dir=run_dir, taps=taps, **self.ports))

    def start(self, name):
        """Starts clew-NAME and waits for its line `ready:`."""
        self.starts += 1
        log = f"{self.dir}/{name}-{self.starts}.log"
        with open(log, "wb") as err:
            child = subprocess.Popen([f"{self.bin}/clew-{name}", "--config", f"{self.dir}/{name}.yaml"], stdin=subprocess.DEVNULL,
                                     stdout=err, stderr=err, start_new_session=True)
        self.children[name] = child
        end = time.monotonic() + READY_TIMEOUT_S
        while True:
            with open(log, errors="replace") as f:
                lines = f.read()
            if any(line.startswith("ready:") for line in lines.splitlines()):
                return
            if child.poll() is not None or time.monotonic() > end:
                raise RegionError(f"clew-{name} did not become ready (exit code {child.poll()}):\n{lines[-2000:]}")
            time.sleep(0.02)

    def kill(self, name):
        child = self.children.pop(name)
        child.send_signal(signal.SIGKILL)
        child.wait()

    def stop(self):
        """Ends what runs; returns {name: exit code}, with None for what had to be killed."""
        codes = {}
        for name in ("agent", "sensor", "control"):
            child = self.children.pop(name, None)
            if child is None:
                continue
            child.send_signal(signal.SIGTERM)
            try:
                codes[name] = child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                codes[name] = None
        return codes

    def clew(self, *words):
        return subprocess.run([f"{self.bin}/clew", *words], text=True, capture_output=True,
                              env={**os.environ, "CLEW_API": f"http://127.0.0.1:{self.ports['api']}"})

    def paths(self, since_ns):
        """All paths whose first packet is not older; an API that does not answer yet has none."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since_ns // 1_000_000_000))
        done = self.clew("paths", "--since", since, "--limit", "10000", "--format", "jsonl")
        if done.returncode not in (0, 3, 6):
            raise RegionError(f"clew paths ended with {done.returncode}: {done.stderr}")
        return [path for path in answers.read_paths(done.stdout)]
