# SPDX-License-Identifier: Apache-2.0
"""The programs that run inside the region: web servers, DNS, proxies, the delta-FULLNAT gateway, conntrack watchers."""
import json
import os
import signal
import subprocess
import time

from topology import (DELTA_POOL, DNS_PORT, PLAIN_PORT, PROXY_PORT, SERVERS, VIP, VIP_PORT, WEB,
                      RegionError, mac)

SLOW_US = 20_000
BODIES = {"index.html": 300, "10k": 10_000, "100k": 100_000}

NGINX = """daemon off; user root; worker_processes 2; pid {dir}/nginx-{node}.pid; error_log {dir}/nginx-{node}.error;
events {{ worker_connections 4096; }}
http {{
  log_format region escape=json '{{"t":$msec,"pid":$pid,"client":"$remote_addr:$remote_port",'
      '"server":"$server_addr:$server_port","requests":$connection_requests,"id":"$http_x_request_id"}}';
  access_log {dir}/log/nginx-{node}.jsonl region;
  client_body_temp_path {dir}/tmp-{node}; proxy_temp_path {dir}/tmp-{node}; fastcgi_temp_path {dir}/tmp-{node};
  uwsgi_temp_path {dir}/tmp-{node}; scgi_temp_path {dir}/tmp-{node};
  client_max_body_size 10m; keepalive_timeout 30;
  server {{ listen {ip}:{plain} backlog=4096; listen {ip}:{proxy} proxy_protocol backlog=4096; root {dir}/www;
    location = /upload {{ return 200 "taken\\n"; }} }}
}}
"""

HAPROXY = """global
    log stdout len 2048 format raw local0
    nbthread 1
    maxconn 8000
defaults
    log global
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    log-format '{{"t":%Ts.%ms,"client":"%ci:%cp","vip":"%fi:%fp","local":"%bi:%bp","server":"%si:%sp"}}'
frontend l4
    mode tcp
    bind {l4}:{port}
    default_backend l4
backend l4
    mode tcp
{l4_servers}
frontend l7
    mode http
    bind {l7}:{port}
    unique-id-format %[uuid()]
    unique-id-header X-Request-ID
    http-response set-header X-Request-ID %[unique-id]
    default_backend l7
backend l7
    mode http
    balance source
    http-reuse never
    option prefer-last-server
{l7_servers}
"""


def start_time(pid):
    """The kernel's start time of a process: with the pid it names one process for ever. None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def stop(pids, timeout_s=5):
    """Ends processes given as [pid, start time]: SIGTERM, and SIGKILL for those that stay."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid, started in pids:
            if started is not None and start_time(pid) == started:
                os.kill(pid, number)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if not any(started is not None and start_time(pid) == started for pid, started in pids):
                return
            time.sleep(0.02)


class Services:
    """Starts the region's programs and keeps their pids in the run directory's state.json."""

    def __init__(self, topology, run_dir, delta_fullnat):
        self.topology, self.dir, self.delta_fullnat = topology, os.path.abspath(run_dir), os.path.abspath(delta_fullnat)
        self.state_file = f"{self.dir}/state.json"

    def state(self):
        try:
            with open(self.state_file) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {"prefix": self.topology.prefix, "programs": {}}

    def start(self, name, node, command, log=None):
        log = log or f"{self.dir}/log/{name}.out"
        with open(log, "ab") as out, open(f"{self.dir}/log/{name}.err", "ab") as err:
            child = subprocess.Popen(self.topology.inside(node) + command, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=err, start_new_session=True, cwd=self.dir)
        state = self.state()
        state["programs"][name] = [child.pid, start_time(child.pid)]
        with open(self.state_file, "w") as f:
            json.dump(state, f)
        return child

    def up(self):
        if not os.access(self.delta_fullnat, os.X_OK):
            raise RegionError(f"the program '{self.delta_fullnat}' is not built; run ./dev build, or name it with --delta-fullnat")
        for node in WEB:
            os.makedirs(f"{self.dir}/tmp-{node}", exist_ok=True)
        os.makedirs(f"{self.dir}/www", exist_ok=True)
        for name, size in BODIES.items():
            with open(f"{self.dir}/www/{name}", "w") as f:
                f.write((f"{name} of the region. " * (size // 16 + 1))[:size])
        for node in ("gw", "lb"):
            self.start(f"conntrack-{node}", node,
                       ["conntrack", "-E", "-e", "NEW", "-o", "timestamp,id", "-b", "16777216"])
        for node in WEB:
            self.write(f"nginx-{node}.conf", NGINX.format(dir=self.dir, node=node, ip=SERVERS[node], plain=PLAIN_PORT,
                                                          proxy=PROXY_PORT))
            self.start(f"nginx-{node}", node, ["nginx", "-p", self.dir, "-e", f"{self.dir}/nginx-{node}.error", "-c",
                                               f"{self.dir}/nginx-{node}.conf"])
        self.start("dnsmasq", "dns", ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                                      "--pid-file=", "--log-facility=-", "--bind-interfaces", f"--listen-address={SERVERS['dns']}",
                                      f"--address=/shop.example/{VIP['dnat']}"])
        self.start_haproxy()
        self.start_delta_fullnat()
        for node, port in ((WEB[0], PLAIN_PORT), (WEB[1], PLAIN_PORT), ("dns", DNS_PORT), ("lb", VIP_PORT)):
            self.topology.wait_for_listener(node, port)

    def start_haproxy(self):
        def servers(port, options):
            return "\n".join(f"    server {w} {SERVERS[w]}:{port}{options}" for w in WEB)
        self.write("haproxy.cfg", HAPROXY.format(l4=VIP["relay-proxy"], l7=VIP["relay-http"], port=VIP_PORT,
                                                 l4_servers=servers(PROXY_PORT, " send-proxy-v2"),
                                                 l7_servers=servers(PLAIN_PORT, "")))
        self.start("haproxy", "lb", ["haproxy", "-db", "-f", f"{self.dir}/haproxy.cfg"])

    def start_delta_fullnat(self):
        command = [self.delta_fullnat, "--client-side", "edge", "--server-side", "srv", "--log", f"{self.dir}/log/delta-fullnat.jsonl",
                   "--vip", f"{VIP['delta-fullnat']}:{VIP_PORT}", "--synproxy-vip", f"{VIP['synproxy']}:{VIP_PORT}",
                   "--slow-us", str(SLOW_US)]
        for ip in DELTA_POOL:
            command += ["--local", ip]
        for node in WEB:
            command += ["--server", f"{SERVERS[node]}:{PLAIN_PORT},{mac(node, 'srv')}"]
        child = self.start("delta-fullnat", "dn", command)
        end = time.monotonic() + 10
        while b"ready:" not in open(f"{self.dir}/log/delta-fullnat.err", "rb").read():
            if child.poll() is not None or time.monotonic() > end:
                raise RegionError(f"delta_fullnat did not start; see {self.dir}/log/delta-fullnat.err")
            time.sleep(0.02)

    def change_delta_fullnat(self):
        """From quick to slow (SLOW_US a burst), or back; no connection is lost."""
        pid, started = self.state()["programs"]["delta-fullnat"]
        if start_time(pid) != started:
            raise RegionError(f"delta_fullnat does not run; see {self.dir}/log/delta-fullnat.err")
        os.kill(pid, signal.SIGUSR1)

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)

    def running(self):
        return {name: start_time(pid) == started and started is not None
                for name, (pid, started) in self.state()["programs"].items()}

    def down(self):
        stop(list(self.state()["programs"].values()))
