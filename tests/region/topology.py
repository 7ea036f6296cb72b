# SPDX-License-Identifier: Apache-2.0
"""The region's namespaces, links and addresses, and the mirrors that feed its taps. See README.md for the picture.

Everything outside the namespaces is named after the prefix, so that regions with different prefixes live side by side.
"""
import contextlib
import fcntl
import os
import subprocess
import time

TAPS = ("tenant", "edge", "servers")  # tap i is mirrored to the interface <prefix>-tap<i> in the root namespace

VNI_OF_CLIENT = {"c1": 100, "c2": 100, "c3": 200}
CLIENT_IP = {"c1": "10.1.0.11", "c2": "10.1.0.12", "c3": "10.1.0.11"}  # c3 overlaps with c1: another tenant
VTEP = {"gw": "172.20.0.1", "c1": "172.20.0.11", "c2": "172.20.0.12", "c3": "172.20.0.13"}
TENANT_GATEWAY = "10.1.0.1"
TENANT_NET = "10.1.0.0/24"

SNAT_POOL = ("203.0.113.1", "203.0.113.4")
SNAT_NET = "203.0.113.0/29"
VIP_NET = "198.51.100.0/28"
VIP = {"dnat": "198.51.100.10", "fullnat": "198.51.100.11", "relay-proxy": "198.51.100.12",
       "relay-http": "198.51.100.13", "delta-fullnat": "198.51.100.14", "synproxy": "198.51.100.15"}
VIP_PORT = 80

EDGE = {"gw": "100.64.0.1", "lb": "100.64.0.2", "dn": "100.64.0.4"}
SERVERS = {"lb": "10.9.0.1", "dn": "10.9.0.4", "w1": "10.9.0.21", "w2": "10.9.0.22", "dns": "10.9.0.53"}
WEB = ("w1", "w2")
PLAIN_PORT, PROXY_PORT, DNS_PORT = 80, 8080, 53
LB_POOL = ("10.9.2.1", "10.9.2.2")  # nft FULLNAT's local addresses
LB_POOL_NET = "10.9.2.0/29"
DELTA_POOL = ("10.9.1.1", "10.9.1.2")  # delta_fullnat's local addresses
DELTA_POOL_NET = "10.9.1.0/29"

NODES = ("sw", "c1", "c2", "c3", "gw", "lb", "dn", "w1", "w2", "dns")
# bridge -> (node, the node's interface); the bridge port is called <node>-<first letter of the bridge>
LINKS = {"tenant": (("c1", "under"), ("c2", "under"), ("c3", "under"), ("gw", "under")),
         "edge": (("gw", "edge"), ("lb", "edge"), ("dn", "edge")),
         "servers": (("lb", "srv"), ("dn", "srv"), ("w1", "srv"), ("w2", "srv"), ("dns", "srv"))}
ADDRESS = {"under": VTEP, "edge": EDGE, "srv": SERVERS}
MIRROR_OFFLOADS = ("tso off gso off gro off tx off sg off rx off txvlan off tx-vlan-stag-hw-insert off").split()


class RegionError(Exception):
    """One sentence for a person."""


def run(*command, check=True, stdin=None):
    """Runs a command to its end and returns what it printed; its failure becomes a RegionError that names it."""
    try:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True)
    except FileNotFoundError:
        raise RegionError(f"the command '{command[0]}' is not installed; run ./dev setup") from None
    if check and done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise RegionError(f"'{' '.join(command)}' failed: {words[0] if words else f'exit code {done.returncode}'}")
    return done.stdout


def mac(node, interface):
    """The fixed MAC address of a node's interface."""
    return f"02:c1:e3:00:{('under', 'edge', 'srv', 'vx').index(interface):02x}:{NODES.index(node):02x}"


@contextlib.contextmanager
def free_prefix(stem, count=8):
    """A prefix that no other running test has: stem0, stem1, … It may still name what a killed run left."""
    for n in range(count):
        with open(f"/run/clew-region-{stem}{n}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{stem}{n}"
            return
    raise RegionError(f"{count} tests with regions '{stem}…' run already; let one end")


class Topology:
    def __init__(self, prefix):
        if not prefix.replace("-", "").isalnum() or len(prefix) > 10:
            raise RegionError(f"--prefix '{prefix}' must be 1 to 10 letters, digits and hyphens")
        self.prefix = prefix

    def ns(self, node):
        return f"{self.prefix}-{node}"

    def tap_interface(self, tap):
        return f"{self.prefix}-tap{TAPS.index(tap)}"

    def inside(self, node):
        """What to put in front of a command so that it runs in the node's network namespace."""
        return ["nsenter", f"--net=/run/netns/{self.ns(node)}"]

    def exists(self):
        return any(os.path.exists(f"/run/netns/{self.ns(node)}") for node in NODES)

    def up(self):
        for node in NODES:
            run("ip", "netns", "add", self.ns(node))
            self.sysctl(node, {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1,
                               "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
                               "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0})
            self.ip(node, "link set lo up")
        for bridge, members in LINKS.items():
            self.make_bridge(bridge, members)
        self.make_tunnels()
        self.make_routes()
        self.make_nat()

    def down(self):
        """Removes what up() made, as far as it is there."""
        for tap in TAPS:
            run("ip", "link", "del", self.tap_interface(tap), check=False)
        for node in NODES:
            if os.path.exists(f"/run/netns/{self.ns(node)}"):
                run("ip", "netns", "del", self.ns(node))

    def ip(self, node, *lines):
        run("ip", "-n", self.ns(node), "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, node, values):
        run(*self.inside(node), "sysctl", "-qw", *(f"{key}={value}" for key, value in values.items()))

    def make_bridge(self, bridge, members):
        mirror, tap = f"m{TAPS.index(bridge)}", self.tap_interface(bridge)
        self.ip("sw", f"link add {bridge} type bridge mcast_snooping 0", f"link set {bridge} up")
        run("ip", "link", "add", tap, "type", "veth", "peer", "name", mirror, "netns", self.ns("sw"))
        with open(f"/proc/sys/net/ipv6/conf/{tap}/disable_ipv6", "w") as switch:
            switch.write("1")
        run("ip", "link", "set", tap, "arp", "off", "up")
        self.ip("sw", f"link set {mirror} arp off up")
        run(*self.inside("sw"), "ethtool", "-K", mirror, *MIRROR_OFFLOADS)
        for node, interface in members:
            port = f"{node}-{bridge[0]}"
            self.ip("sw", f"link add {port} type veth peer name {interface} netns {self.ns(node)}",
                    f"link set {port} master {bridge} up")
            self.ip(node, f"link set {interface} address {mac(node, interface)}",
                    f"address add {ADDRESS[interface][node]}/24 dev {interface}", f"link set {interface} up")
            if node == "dn":  # reads whole frames from a packet socket: they must come cut and with their checksums
                run(*self.inside("sw"), "ethtool", "-K", port, "tso", "off", "gso", "off", "tx", "off", "sg", "off")
            inside = self.inside("sw")
            run(*inside, "tc", "qdisc", "add", "dev", port, "clsact")
            run(*inside, *f"tc filter add dev {port} ingress protocol all prio 1 u32 match u32 0 0 "
                          f"action mirred egress mirror dev {mirror}".split())

    def make_tunnels(self):
        for vni in sorted(set(VNI_OF_CLIENT.values())):
            device, clients = f"vx{vni}", [c for c, v in VNI_OF_CLIENT.items() if v == vni]
            self.ip("gw", f"link add {device} address {mac('gw', 'vx')} type vxlan id {vni} local {VTEP['gw']} "
                          f"dstport 4789 dev under", f"link set {device} up",
                    f"address add {TENANT_GATEWAY}/24 dev {device} noprefixroute",
                    f"route add {TENANT_NET} dev {device} table {vni}",
                    f"rule add fwmark {vni} lookup {vni}", f"rule add iif {device} to {TENANT_NET} lookup {vni}")
            for client in clients:
                run("bridge", "-n", self.ns("gw"), "fdb", "append", "00:00:00:00:00:00", "dev", device,
                    "dst", VTEP[client])
                self.ip(client, f"link add {device} address {mac(client, 'vx')} type vxlan id {vni} "
                                f"local {VTEP[client]} remote {VTEP['gw']} dstport 4789 dev under",
                        f"link set {device} up", f"address add {CLIENT_IP[client]}/24 dev {device}",
                        f"route add default via {TENANT_GATEWAY}")

    def make_routes(self):
        for node in ("gw", "lb"):
            self.sysctl(node, {"net.ipv4.ip_forward": 1, "net.netfilter.nf_conntrack_acct": 1})
        self.ip("gw", f"route add {VIP_NET} via {EDGE['lb']}", f"route add 10.9.0.0/24 via {EDGE['lb']}",
                *(f"route add {VIP[v]}/32 via {EDGE['dn']}" for v in ("delta-fullnat", "synproxy")))
        self.ip("lb", f"route add {SNAT_NET} via {EDGE['gw']}",
                *(f"address add {VIP[v]}/32 dev lo" for v in ("dnat", "fullnat", "relay-proxy", "relay-http")))
        for node in WEB + ("dns",):
            self.ip(node, f"route add default via {SERVERS['lb']}", f"route add {DELTA_POOL_NET} via {SERVERS['dn']}")

    def make_nat(self):
        """SNAT at the gateway, tenants kept apart by conntrack zones; DNAT and FULLNAT at the load balancer."""
        tenants = sorted(set(VNI_OF_CLIENT.values()))
        zones = "\n".join(f'iifname "vx{vni}" ct original zone set {vni}' for vni in tenants)
        marks = "\n".join(f'iifname "vx{vni}" ct mark set {vni}' for vni in tenants)
        self.nft("gw", f"""
            table ip region {{
              chain tenants {{ type filter hook prerouting priority raw; udp dport 4789 notrack
                {zones}
              }}
              chain tunnels_out {{ type filter hook output priority raw; udp dport 4789 notrack
              }}
              chain ways_back {{ type filter hook prerouting priority mangle; {marks}
                iifname "edge" meta mark set ct mark
              }}
              chain pool {{ type nat hook postrouting priority srcnat;
                iifname "vx200" oifname "edge" snat to {SNAT_POOL[0]}-{SNAT_POOL[1]} fully-random
                oifname "edge" snat to {SNAT_POOL[0]}-{SNAT_POOL[1]}
              }}
            }}""")
        web = ", ".join(f"{i} : {SERVERS[w]}" for i, w in enumerate(WEB))
        spread = f"dnat to numgen inc mod {len(WEB)} map {{ {web} }}"
        self.nft("lb", f"""
            table ip region {{
              chain vips {{ type nat hook prerouting priority dstnat;
                ip daddr {VIP['dnat']} tcp dport {VIP_PORT} {spread}
                ip daddr {VIP['fullnat']} tcp dport {VIP_PORT} {spread}
              }}
              chain fullnat {{ type nat hook postrouting priority srcnat;
                oifname "srv" ct original ip daddr {VIP['fullnat']} snat to {LB_POOL[0]}-{LB_POOL[1]} fully-random
              }}
            }}""")

    def nft(self, node, rules):
        run(*self.inside(node), "nft", "-f", "-", stdin=rules)

    def wait_for_listener(self, node, port, timeout_s=10):
        """Waits until something in the node listens on the TCP port, or receives on the UDP port."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for line in run(*self.inside(node), "ss", "-Hltun").splitlines():
                if line.split()[4].endswith(f":{port}"):
                    return
            time.sleep(0.02)
        raise RegionError(f"nothing listens on port {port} in {self.ns(node)} after {timeout_s} s; see the logs in the run directory")
