"""The switch of a lab where the kernel has no netem: carries frames between TAP devices, later than they came.

    relay.py PORTS    PORTS is JSON: [{"namespace": PATH, "device": NAME, "mac": "02:…", "delaySeconds": S, "loss": P,
                                       "bytesPerSecond": R or null}, …]

A frame goes from the port it was read from to the port of its destination's address (a broadcast to all others). It is
under way for the delays of both ports together, is lost with the chances of both, and then goes down the target's wire,
one frame after another at `bytesPerSecond`; the rate up the wire is kept by the sender's own kernel. The devices are
there already (made with vnet_hdr). A line of JSON on standard input, {"mac": "02:…", "lossUp": P, "lossDown": P}, gives a
port other chances, from it and to it, from then on. 'ready' on standard output says that all of them are attached; the relay ends when its
standard input closes, so it does not outlive whoever started it. A frame stays as the kernel gave it, with its
virtio_net_hdr in front: several segments of a connection may travel as one, at the cost of one.
Needs nothing but Python's own library.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
CHECKSUM, TCP4_SEGMENTS, TCP6_SEGMENTS = 0x01, 0x02, 0x04
HEADER = 10  # bytes of virtio_net_hdr; the destination's address comes next
MAC = 6
LONGEST_FRAME = 65536 + 64
# What a port's wire would not carry within this time is lost, as on a switch whose queue is full.
QUEUE_SECONDS = 0.05
# Frames due so soon are delivered with those due now: fewer wake-ups, and far less than the shortest delay.
TOGETHER_SECONDS = 0.0001
# Frames taken from one port before the others have their turn.
TURN = 16

libc = ctypes.CDLL(None, use_errno=True)
now = time.monotonic


def attach(namespace, device, whole_frames):
    """A descriptor that reads and writes the frames of a TAP device in a network namespace."""
    entered = os.open(namespace, os.O_RDONLY)
    if libc.setns(entered, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter " + namespace)
    os.close(entered)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    # Where frames get lost, each is to be lost by itself.
    fcntl.ioctl(tap, TUNSETOFFLOAD, CHECKSUM if whole_frames else CHECKSUM | TCP4_SEGMENTS | TCP6_SEGMENTS)
    return tap


class Port:
    def __init__(self, settings, any_loss):
        self.tap = attach(settings["namespace"], settings["device"], any_loss)
        self.mac = bytes.fromhex(settings["mac"].replace(":", ""))
        self.delay = settings["delaySeconds"]
        # The share of frames that arrives: of those from here, and of those to here.
        self.kept_up = self.kept_down = 1 - settings["loss"]
        self.bytes_per_second = settings["bytesPerSecond"]
        # When its wire will have carried what was sent down it.
        self.free_at = 0.0

    def write(self, frame):
        try:
            os.write(self.tap, frame)
        except OSError:
            pass  # A device that is down or full loses frames; the protocols above expect that.


class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.by_tap = {port.tap: port for port in ports}
        self.by_mac = {port.mac: port for port in ports}
        # (when, number, port, frame, whether it is on the target's wire); the number keeps the order of equals
        self.under_way = []
        self.count = 0
        self.draw = random.Random(1).random

    def put(self, when, port, frame, on_wire):
        self.count += 1
        heapq.heappush(self.under_way, (when, self.count, port, frame, on_wire))

    def take(self, source):
        for _ in range(TURN):
            try:
                frame = os.read(source.tap, LONGEST_FRAME)
            except OSError:
                return
            at = now()
            target = self.by_mac.get(frame[HEADER:HEADER + MAC])
            for port in self.ports if target is None else (target,):
                kept = source.kept_up * port.kept_down
                if port is not source and (kept == 1 or self.draw() < kept):
                    self.put(at + source.delay + port.delay, port, frame, False)

    def deliver(self):
        until = now() + TOGETHER_SECONDS
        while self.under_way and self.under_way[0][0] <= until:
            when, _, port, frame, on_wire = heapq.heappop(self.under_way)
            if on_wire or port.bytes_per_second is None:
                port.write(frame)
            elif port.free_at < when + QUEUE_SECONDS:
                port.free_at = max(port.free_at, when) + (len(frame) - HEADER) / port.bytes_per_second
                self.put(port.free_at, port, frame, True)

    def change(self, line):
        wish = json.loads(line)
        port = self.by_mac[bytes.fromhex(wish["mac"].replace(":", ""))]
        port.kept_up, port.kept_down = 1 - wish["lossUp"], 1 - wish["lossDown"]

    def run(self):
        words = b""
        sources = [*self.by_tap, sys.stdin.fileno()]
        while True:
            timeout = max(0.0, self.under_way[0][0] - now()) if self.under_way else None
            for readable in select.select(sources, [], [], timeout)[0]:
                if readable in self.by_tap:
                    self.take(self.by_tap[readable])
                else:
                    read = os.read(readable, 4096)
                    if not read:
                        return
                    *lines, words = (words + read).split(b"\n")
                    for line in lines:
                        self.change(line)
            self.deliver()


def main():
    settings = json.loads(sys.argv[1])
    any_loss = any(port["loss"] > 0 for port in settings)
    switch = Switch([Port(port, any_loss) for port in settings])
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # The wires do not wait for the boards.
    except OSError:
        pass
    print("ready", flush=True)
    switch.run()


main()
