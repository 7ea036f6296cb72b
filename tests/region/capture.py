# SPDX-License-Identifier: Apache-2.0
"""An own, small reading of captures: which connections start at a tap, and when. Shares nothing with Clew's code.

Reads pcap files (µs or ns, either byte order, Ethernet), takes 802.1Q tags and VXLAN off, and knows IPv4 with TCP, UDP
and ICMP echo: what the region's traffic consists of.
"""
import collections
import struct

VXLAN_PORT = 4789
SYN, ACK = 0x02, 0x10

# client and server are "ip:port" as written at the tap; for ICMP echo the id is the port of both ends.
Packet = collections.namedtuple("Packet", "time_ns vni proto source target flags seq")


def frames(path):
    """Yields (time in ns, frame bytes). A torn last record ends the file."""
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) < 24:
            return
        magic = head[:4]
        order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        if struct.unpack(order + "I", magic)[0] not in (0xA1B2C3D4, 0xA1B23C4D):
            raise ValueError(f"{path} is not a pcap file")
        unit = 1 if struct.unpack(order + "I", magic)[0] == 0xA1B23C4D else 1000
        record = struct.Struct(order + "IIII")
        while True:
            raw = f.read(16)
            if len(raw) < 16:
                return
            seconds, fraction, captured, _ = record.unpack(raw)
            frame = f.read(captured)
            if len(frame) < captured:
                return
            yield seconds * 1_000_000_000 + fraction * unit, frame


def pcapng_frames(path):
    """Yields (interface name, frame bytes) of a little-endian pcapng file."""
    with open(path, "rb") as f:
        content = f.read()
    names, at = [], 0
    while at + 12 <= len(content):
        kind, length = struct.unpack_from("<II", content, at)
        if kind == 1:  # interface: link type, reserved, snap length, then options; 2 is its name
            option = at + 16
            name = ""
            while option + 4 <= at + length - 4:
                code, size = struct.unpack_from("<HH", content, option)
                if code == 0:
                    break
                if code == 2:
                    name = content[option + 4:option + 4 + size].decode()
                option += 4 + (size + 3) // 4 * 4
            names.append(name)
        elif kind == 6:  # packet: interface, time (2), captured, original
            interface, _, _, captured, _ = struct.unpack_from("<IIIII", content, at + 8)
            yield names[interface], content[at + 28:at + 28 + captured]
        at += length


def dotted(raw):
    return "%d.%d.%d.%d" % tuple(raw)


def parse(time_ns, frame, vni=None):
    """The innermost packet of a frame, or None for what the region's connections do not consist of."""
    at = 12
    kind = frame[at:at + 2]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        at += 4
        kind = frame[at:at + 2]
    if kind != b"\x08\x00" or len(frame) < at + 22:
        return None
    ip = frame[at + 2:]
    body = ip[(ip[0] & 15) * 4:struct.unpack_from(">H", ip, 2)[0]]
    if struct.unpack_from(">H", ip, 6)[0] & 0x1FFF or len(body) < 8:
        return None
    source, target = dotted(ip[12:16]), dotted(ip[16:20])
    from_port, to_port = struct.unpack_from(">HH", body)
    if ip[9] == 17 and to_port == VXLAN_PORT:
        return parse(time_ns, body[16:], int.from_bytes(body[12:15], "big"))
    if ip[9] == 17:
        return Packet(time_ns, vni, "udp", f"{source}:{from_port}", f"{target}:{to_port}", 0, 0)
    if ip[9] == 6 and len(body) >= 20:
        return Packet(time_ns, vni, "tcp", f"{source}:{from_port}", f"{target}:{to_port}", body[13],
                      struct.unpack_from(">I", body, 4)[0])
    if ip[9] == 1 and body[0] in (0, 8):
        echo = struct.unpack_from(">H", body, 4)[0]
        return Packet(time_ns, vni, "icmp", f"{source}:{echo}", f"{target}:{echo}", body[0], 0)
    return None


class LegStarts:
    """The legs that start at one tap: for (proto, client, server, vni) the times of their first packets."""

    def __init__(self):
        self.starts = collections.defaultdict(list)
        self._isn = {}

    def add(self, packet):
        forward = packet.proto, packet.source, packet.target, packet.vni
        if packet.proto == "tcp":
            if packet.flags & (SYN | ACK) == SYN and self._isn.get(forward) != packet.seq:
                self._isn[forward] = packet.seq
                self.starts[forward].append(packet.time_ns)
                return
        backward = packet.proto, packet.target, packet.source, packet.vni
        if forward not in self.starts and backward not in self.starts:  # already under way when the capture began
            self.starts[forward].append(packet.time_ns)

    def nearest(self, key, time_ns):
        """The first packet's time of the leg with this key that started nearest to a time; None when there is none."""
        return min(self.starts.get(key, ()), key=lambda t: abs(t - time_ns), default=None)

    def count(self):
        return sum(len(times) for times in self.starts.values())


def read_leg_starts(path):
    legs = LegStarts()
    for time_ns, frame in frames(path):
        packet = parse(time_ns, frame)
        if packet:
            legs.add(packet)
    return legs
