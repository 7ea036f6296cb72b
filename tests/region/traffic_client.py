# SPDX-License-Identifier: Apache-2.0
"""A tenant's client program: opens real TCP connections and DNS look-ups at a given rate and logs each of them.

Runs inside one client's network namespace; `region.py traffic` starts one a client. Writes one JSON line a connection.
"""
import argparse
import asyncio
import ctypes
import json
import os
import random
import socket
import struct
import sys
import time

TIMEOUT_S = 20


def set_command_name(name):
    """Sets what the kernel calls this process (comm), at most 15 characters."""
    ctypes.CDLL(None, use_errno=True).prctl(15, name.encode()[:15], 0, 0, 0)


async def read_answer(loop, sock):
    """Reads one HTTP answer; returns its status and whether the server keeps the connection."""
    text = b""
    while b"\r\n\r\n" not in text:
        piece = await loop.sock_recv(sock, 65536)
        if not piece:
            raise ConnectionError("closed before the answer's end")
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
    received = len(body)
    while received < length:
        piece = await loop.sock_recv(sock, 65536)
        if not piece:
            raise ConnectionError("closed before the body's end")
        received += len(piece)
    return int(lines[0].split()[1]), "connection: close" not in lines


def requests_of(rng, host):
    """What one connection asks for: mostly one small page, sometimes several, a big one, or an upload."""
    kind = rng.random()
    if kind < 0.6:
        wanted = [("GET", "/", 0)]
    elif kind < 0.8:
        wanted = [("GET", rng.choice(("/", "/10k")), 0) for _ in range(3)]
    elif kind < 0.9:
        wanted = [("GET", "/100k", 0)]
    else:
        wanted = [("POST", "/upload", rng.choice((2_000, 20_000)))]
    texts = []
    for i, (method, uri, size) in enumerate(wanted):
        close = "Connection: close\r\n" if i == len(wanted) - 1 else ""
        number = f"{rng.getrandbits(64):016x}"  # tells otherwise equal requests apart, as a session cookie does
        head = f"{method} {uri} HTTP/1.1\r\nHost: {host}\r\nCookie: session={number}\r\n{close}"
        texts.append((head + (f"Content-Length: {size}\r\n" if size else "") + "\r\n").encode() + b"u" * size)
    return texts


async def connection(loop, rng, vip, port, entry):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        entry["t_ns"] = time.time_ns()
        try:
            await loop.sock_connect(sock, (vip, port))
        finally:
            entry["client"] = "{}:{}".format(*sock.getsockname())
        entry["connected_ns"] = time.time_ns()
        for text in requests_of(rng, "shop.example"):
            await loop.sock_sendall(sock, text)
            status, _ = await read_answer(loop, sock)
            if status != 200:
                raise ConnectionError(f"HTTP status {status}")


async def look_up(loop, rng, server, port, entry):
    """One DNS question for an A record from a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (server, port))
        entry["client"] = "{}:{}".format(*sock.getsockname())
        entry["t_ns"] = time.time_ns()
        name = f"h{rng.randrange(1000)}.shop.example"
        question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        number = rng.randrange(65536)
        await loop.sock_sendall(sock, struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", 1, 1))
        answer = await loop.sock_recv(sock, 2048)
        if len(answer) < 12 or struct.unpack(">H", answer[:2])[0] != number or answer[3] & 15:
            raise ConnectionError("not the answer to the question")


async def logged(log, entry, work):
    try:
        await asyncio.wait_for(work, TIMEOUT_S)
        entry["ok"] = True
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        entry["ok"], entry["error"] = False, f"{type(error).__name__}: {error}"
    log.write(json.dumps(entry) + "\n")
    log.flush()
    return entry["ok"]


async def run(args, log):
    rng, loop, tasks = random.Random(args.seed), asyncio.get_running_loop(), []
    start = time.monotonic()
    common = {"comm": args.name[:15], "pid": os.getpid(), "vni": args.vni}
    for i in range(args.connections):
        delay = start + i / args.rate - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        vip = args.vip[i % len(args.vip)]
        entry = {"proto": "tcp", "server": f"{vip}:{args.port}", **common}
        tasks.append(asyncio.create_task(logged(log, entry, connection(loop, random.Random(rng.random()), vip, args.port, entry))))
        if args.dns and i % args.dns_every == 0:
            entry = {"proto": "udp", "server": f"{args.dns}:53", **common}
            tasks.append(asyncio.create_task(logged(log, entry, look_up(loop, random.Random(rng.random()), args.dns, 53, entry))))
    return await asyncio.gather(*tasks)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the process' command name")
    parser.add_argument("--vni", type=int, required=True, help="written to the log")
    parser.add_argument("--vip", action="append", required=True, help="repeatable; taken in turn")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--dns", help="DNS server")
    parser.add_argument("--dns-every", type=int, default=10, help="one look-up in so many connections")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="connections a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", required=True)
    args = parser.parse_args()
    set_command_name(args.name)
    with open(args.log, "a") as log:
        results = asyncio.run(run(args, log))
    failed = results.count(False)
    if failed:
        sys.exit(f"{args.name}: {failed} of {len(results)} connections failed; see {args.log}")


if __name__ == "__main__":
    main()
