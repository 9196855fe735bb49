#!/usr/bin/env python3
"""Makes the captures of this directory again: Linux's own TCP, in network namespaces of its own.

    sudo python3 tests/captures/make.py [NAME]...

Each function below that is marked @capture is a story of its own: two hosts (some with a router between), what the path
does to packets, and what the two programs do. The path is a pair of TUN devices and a thread that carries packets from one
to the other: late, out of order, or not at all. tcpdump watches the client's end, or both ends where the name ends in "-a"
and "-b". Needs root, iproute2, nftables, ethtool and tcpdump; nothing outside the namespaces is touched, and they are
removed at the end.
"""

import ctypes
import fcntl
import heapq
import os
import pathlib
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
LIBC = ctypes.CDLL("libc.so.6", use_errno=True)
CLONE_NEWNET = 0x40000000
A, B = "10.9.0.1", "10.9.0.2"
CAPTURES = {}


def run(command, check=True):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """A network namespace."""

    def __init__(self, name):
        self.name = name
        run(f"ip netns add {name}")
        self.run("ip link set lo up")

    def run(self, command, check=True):
        return run(f"ip netns exec {self.name} sh -c '{command}'", check)

    def sysctl(self, **values):
        for key, value in values.items():
            self.run(f'sysctl -qw net.ipv4.{key}="{value}"')

    def inside(self, make):
        """What `make` opens stays here, whatever namespace the caller is in."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if LIBC.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            return make()
        finally:
            LIBC.setns(own, CLONE_NEWNET)
            os.close(own)
            os.close(there)

    def socket(self, *options):
        s = self.inside(socket.socket)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for level, name, value in options:
            s.setsockopt(level, name, value)
        return s

    def tun(self, interface, address):
        def make():
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            iff_tun, iff_no_pi = 0x0001, 0x1000
            fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", interface.encode(), iff_tun | iff_no_pi))
            return fd
        fd = self.inside(make)
        self.run(f"ip addr add {address} dev {interface}; ip link set {interface} up txqueuelen 5000")
        return fd

    def listen(self, port, *options, backlog=8):
        s = self.socket(*options)
        s.bind(("0.0.0.0", port))
        s.listen(backlog)
        return s

    def spawn(self, command):
        return subprocess.Popen(["ip", "netns", "exec", self.name, "sh", "-c", "exec " + command],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Path:
    """One direction between the hosts: what happens to each packet."""

    def __init__(self, into):
        self.into = into
        self.delay = 0.0
        self.loss = 0.0
        self.hurry = 0.0
        self.rate = None
        self.free_at = 0.0
        self.random = random.Random(1)
        self.change = None

    def set(self, delay=0.0, loss=0.0, hurry=0.0, rate=None, seed=1, change=None):
        """`hurry`: that part of the packets is delayed by a fifth only. `change`: a function that answers the packets to
        send instead."""
        self.delay, self.loss, self.hurry, self.rate, self.change = delay, loss, hurry, rate, change
        self.random = random.Random(seed)

    def carry(self, packet, now):
        for packet in self.change(packet) if self.change else [packet]:
            if self.random.random() < self.loss and may_be_lost(packet):
                continue
            delay = self.delay / 5 if self.random.random() < self.hurry else self.delay
            at = now
            if self.rate:
                self.free_at = at = max(now, self.free_at) + len(packet) * 8 / self.rate
            yield at + delay, packet


def may_be_lost(packet):
    """SYNs, and all that is not TCP, are spared: a story begins in any case."""
    header = (packet[0] & 15) * 4
    return packet[9] == 6 and packet[header + 13] & 2 == 0


class Wire(threading.Thread):
    """Carries packets from one TUN device to the other."""

    def __init__(self, left, right):
        super().__init__(daemon=True)
        self.paths = {left: Path(right), right: Path(left)}
        self.wake = os.pipe()
        self.start()

    def run(self):
        due, nth = [], 0
        while True:
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, _, into, packet = heapq.heappop(due)
                try:
                    os.write(into, packet)
                except OSError:
                    pass
            timeout = max(0.0, due[0][0] - time.monotonic()) if due else None
            ready, _, _ = select.select([*self.paths, self.wake[0]], [], [], timeout)
            if self.wake[0] in ready:
                return
            for fd in ready:
                path = self.paths[fd]
                while True:
                    try:
                        packet = os.read(fd, 65536)
                    except OSError:
                        break
                    # IPv6's neighbour discovery is no part of any story.
                    if packet[0] >> 4 != 4:
                        continue
                    for at, out in path.carry(packet, time.monotonic()):
                        nth += 1
                        heapq.heappush(due, (at, nth, path.into, out))

    def stop(self):
        os.write(self.wake[1], b"x")
        self.join()
        for fd in self.paths:
            os.close(fd)


class Net:
    """A client and a server, and between them a path; behind it a router, if asked for; or one whose link cuts what the client's offload left whole."""

    def __init__(self, name, router=False, offload=False):
        self.tag = f"lim{os.getpid() % 10000}{name[:4].replace('-', '')}{len(name)}"
        self.a, self.b = Host(self.tag + "a"), Host(self.tag + "b")
        self.hosts = [self.a, self.b]
        self.r = self.wire = None
        self.server = B
        if offload:
            self.r = Host(self.tag + "r")
            self.hosts.append(self.r)
            self.join(self.a, "eth0", f"{A}/30", self.r, "left", "10.9.0.2/30")
            self.join(self.r, "right", "10.9.1.1/24", self.b, "eth0", "10.9.1.2/24")
            self.r.run("ethtool -K right tso off gso off")
            self.route()
        elif router:
            self.r = Host(self.tag + "r")
            self.hosts.append(self.r)
            self.connect(self.a, f"{A}/30", self.r, "left", "10.9.0.2/30")
            self.join(self.r, "right", "10.9.1.1/24", self.b, "eth0", "10.9.1.2/24")
            for host, interface in ((self.r, "right"), (self.b, "eth0")):
                host.run(f"ethtool -K {interface} tso off gso off gro off")
            self.route()
        else:
            self.connect(self.a, f"{A}/24", self.b, "eth0", f"{B}/24")
        for host in (self.a, self.b):
            host.sysctl(tcp_congestion_control="reno", tcp_no_metrics_save=1)

    def route(self):
        self.a.run("ip route add default via 10.9.0.2")
        self.b.run("ip route add default via 10.9.1.1")
        self.r.sysctl(ip_forward=1)
        self.server = "10.9.1.2"

    def connect(self, left, left_addr, right, right_if, right_addr):
        out, back = left.tun("eth0", left_addr), right.tun(right_if, right_addr)
        self.wire = Wire(out, back)
        self.to_server, self.to_client = self.wire.paths[out], self.wire.paths[back]

    @staticmethod
    def join(left, left_if, left_addr, right, right_if, right_addr):
        run(f"ip link add {left_if} netns {left.name} type veth peer name {right_if} netns {right.name}")
        for host, interface, address in ((left, left_if, left_addr), (right, right_if, right_addr)):
            host.run(f"ip addr add {address} dev {interface}; ip link set {interface} up")

    def delay(self, seconds):
        self.to_server.set(delay=seconds)
        self.to_client.set(delay=seconds)

    @staticmethod
    def firewall(host, hook, rule):
        host.run(f"nft add table ip {hook}; nft add chain ip {hook} c \"{{ type filter hook {hook} priority 0; }}\"; "
                 f"nft add rule ip {hook} c {rule}")

    def close(self):
        if self.wire:
            self.wire.stop()
        for host in self.hosts:
            run(f"ip netns del {host.name}", check=False)


class Tap:
    """tcpdump at a host."""

    def __init__(self, host, path, snaplen=96, what="tcp or icmp", interface="eth0"):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", host.name, "tcpdump", "-i", interface, "-s", str(snaplen), "-U", "-w", str(path),
             "--immediate-mode", "-Z", "root", "-B", "8192", "--time-stamp-precision=nano", what],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while b"listening on" not in self.process.stderr.readline():
            pass

    def stop(self):
        time.sleep(0.2)
        self.process.terminate()
        self.process.wait()


def capture(name, router=False, offload=False, both=False, snaplen=96):
    def register(story):
        def play():
            net = Net(name, router, offload)
            taps = []
            try:
                ends = [(net.a, "-a"), (net.b, "-b")] if both else [(net.a, "")]
                net.tap = lambda: taps.extend(Tap(host, HERE / f"{name}{suffix}.pcap", snaplen) for host, suffix in ends)
                if not getattr(story, "taps_itself", False):
                    net.tap()
                story(net)
                for tap in taps:
                    tap.stop()
            finally:
                for tap in taps:
                    tap.process.kill()
                net.close()
        CAPTURES[name] = play
        return story
    return register


def taps_itself(story):
    story.taps_itself = True
    return story


def served(net, port, handler, *options, backlog=8):
    """One connection on `port`, given to `handler` in a thread."""
    listener = net.b.listen(port, *options, backlog=backlog)

    def serve():
        peer, _ = listener.accept()
        handler(peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def connected(net, port, *options, source=None):
    s = net.a.socket(*options)
    if source:
        s.bind((A, source))
    s.connect((net.server, port))
    return s


def drain(s):
    try:
        while s.recv(65536):
            pass
    except ConnectionError:
        pass


def sends_all(total):
    def handler(peer):
        peer.recv(100)
        peer.sendall(b"x" * total)
        peer.close()
    return handler


def download(net, total=200_000, port=5001, *options):
    """The client asks, the server sends so much and closes."""
    served(net, port, sends_all(total))
    s = connected(net, port, *options)
    s.sendall(b"give\n")
    drain(s)
    s.close()
    time.sleep(0.5)


def upload(net, total=200_000, port=5001, *options):
    """The client sends so much, and waits for the server's close."""
    thread = served(net, port, lambda peer: (drain(peer), peer.close()))
    s = connected(net, port, *options)
    s.sendall(b"x" * total)
    s.shutdown(socket.SHUT_WR)
    drain(s)
    s.close()
    thread.join(30)
    time.sleep(0.3)


def try_connect(net, port=81):
    s = net.a.socket()
    try:
        s.connect((net.server, port))
    except OSError:
        pass
    s.close()


LINGER0 = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@capture("redis", snaplen=400)
def redis(net):
    """A few commands, and one that takes the server long."""
    server = net.b.spawn("redis-server --port 6379 --save \"\" --protected-mode no --enable-debug-command yes")
    net.delay(0.002)
    time.sleep(0.5)
    s = connected(net, 6379)
    for command in (b"SET article half-close", b"GET article", b"DEBUG SLEEP 0.7", b"PING", b"QUIT"):
        s.sendall(command + b"\r\n")
        s.recv(4096)
        time.sleep(0.03)
    s.close()
    server.terminate()
    server.wait()


@capture("iperf3")
def iperf3(net):
    """iperf3: its control connection, and half a megabyte to the server."""
    net.delay(0.005)
    net.to_server.set(delay=0.005, rate=6_000_000)
    server = net.b.spawn("iperf3 -s -1 -p 5201")
    time.sleep(0.7)
    net.a.run(f"iperf3 -c {B} -p 5201 -n 400K")
    server.wait(timeout=5)


@capture("refused")
def refused(net):
    """Nothing listens there."""
    net.delay(0.005)
    try_connect(net)


@capture("rejected-icmp", router=True)
def rejected_icmp(net):
    """A firewall between forbids it, and says so."""
    net.firewall(net.r, "forward", "tcp dport 81 reject with icmp admin-prohibited")
    try_connect(net)


@capture("rejected-reset", router=True)
def rejected_reset(net):
    """A firewall between answers in the server's name: the TTL tells."""
    net.to_client.set(delay=0.02)
    net.firewall(net.r, "forward", "tcp dport 81 reject with tcp reset")
    served(net, 80, lambda peer: peer.close())
    connected(net, 80).close()
    time.sleep(0.2)
    try_connect(net)


@capture("filtered-linear")
def filtered_linear(net):
    """SYNs are dropped; the client is Linux 6.5 or later: linear retries first."""
    net.a.sysctl(tcp_syn_retries=2, tcp_syn_linear_timeouts=2)
    net.firewall(net.b, "input", "tcp dport 81 drop")
    try_connect(net)


@capture("filtered-doubling")
def filtered_doubling(net):
    """SYNs are dropped; the classic schedule, and three retries."""
    net.a.sysctl(tcp_syn_retries=3, tcp_syn_linear_timeouts=0)
    net.firewall(net.b, "input", "tcp dport 81 drop")
    try_connect(net)


@capture("backlog-full")
def backlog_full(net):
    """The listener's queue is full and nobody accepts."""
    net.a.sysctl(tcp_syn_retries=3, tcp_syn_linear_timeouts=0)
    listener = net.b.listen(5001, backlog=0)
    first = connected(net, 5001)
    late = net.a.socket()
    late.settimeout(2.5)
    try:
        late.connect((net.server, 5001))
    except OSError:
        pass
    time.sleep(1.2)
    late.close()
    first.close()
    listener.close()


@capture("loss")
def loss(net):
    """A bulk transfer over 20 ms, and one packet in fifty is lost."""
    net.delay(0.01)
    net.to_server.set(delay=0.01, loss=0.02, seed=7)
    upload(net, 300_000)


@capture("loss-server")
def loss_server(net):
    """The same the other way: seen from the receiver's end, what is lost was never there."""
    net.to_server.set(delay=0.01)
    net.to_client.set(delay=0.01, loss=0.02, seed=3)
    download(net, 300_000)


@capture("reorder")
def reorder(net):
    """Every fifth packet is not delayed as the others are; nothing is lost."""
    net.to_server.set(delay=0.01)
    net.to_client.set(delay=0.01, hurry=0.2, seed=5)
    download(net, 150_000)


@capture("spurious")
def spurious(net):
    """The path takes 600 ms longer for a while: the timer runs out although nothing is lost."""
    net.delay(0.005)
    thread = served(net, 5001, lambda peer: (drain(peer), peer.close()))
    s = connected(net, 5001)
    s.sendall(b"x" * 20_000)
    time.sleep(0.3)
    net.to_client.set(delay=0.6)
    s.sendall(b"y" * 20_000)
    time.sleep(1.6)
    net.to_client.set(delay=0.005)
    s.sendall(b"z" * 20_000)
    time.sleep(0.3)
    s.close()
    thread.join(5)


@capture("tail-loss")
def tail_loss(net):
    """The last segment of an answer is lost: nothing that follows tells of it."""
    net.delay(0.01)
    served(net, 5001, sends_all(6_000))
    s = connected(net, 5001)
    dropped = set()

    def drops_the_last(packet):
        """What is short, or ends the stream, is lost the first time that it passes."""
        header = (packet[0] & 15) * 4
        flags, seq = packet[header + 13], packet[header + 4:header + 8]
        payload = len(packet) - header - (packet[header + 12] >> 4) * 4
        is_last = (flags & 1 or 0 < payload < 500) and seq not in dropped
        if is_last:
            dropped.add(seq)
        return [] if is_last else [packet]
    net.to_client.set(delay=0.01, change=drops_the_last)
    s.sendall(b"give\n")
    drain(s)
    s.close()
    time.sleep(0.3)


@capture("zero-window")
def zero_window(net):
    """The reader sleeps for three seconds, with a small buffer."""
    net.delay(0.002)

    def sleeps(peer):
        time.sleep(3)
        drain(peer)
        peer.close()
    thread = served(net, 5001, sleeps, (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192))
    s = connected(net, 5001)
    s.sendall(b"x" * 60_000)
    s.shutdown(socket.SHUT_WR)
    drain(s)
    s.close()
    thread.join(10)


@capture("small-window")
def small_window(net):
    """A receive buffer much smaller than the path: the window, not the network, sets the pace."""
    net.delay(0.02)
    thread = served(net, 5001, lambda peer: (drain(peer), peer.close()), (socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000))
    s = connected(net, 5001)
    s.sendall(b"x" * 150_000)
    s.shutdown(socket.SHUT_WR)
    drain(s)
    s.close()
    thread.join(10)


@capture("slow-sender")
def slow_sender(net):
    """The sending program pauses between its writes: the network is idle."""
    net.delay(0.005)

    def trickles(peer):
        peer.recv(100)
        for pause in (0.1, 1.5, 0.2, 0.9):
            peer.sendall(b"x" * 9_000)
            time.sleep(pause)
        peer.close()
    served(net, 5001, trickles)
    s = connected(net, 5001)
    s.sendall(b"give\n")
    drain(s)
    s.close()
    time.sleep(0.3)


@capture("slow-server")
def slow_server(net):
    """Requests and answers on one connection; the server thinks long about one of them."""
    net.delay(0.008)

    def answers(peer):
        for think in (0.01, 0.02, 1.2, 0.01, 0.015):
            if not peer.recv(4000):
                break
            time.sleep(think)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000)
        peer.close()
    served(net, 80, answers)
    s = connected(net, 80)
    for n in range(5):
        s.sendall(b"GET /%d HTTP/1.1\r\nHost: server\r\n\r\n" % n)
        got = 0
        while got < 2000:
            got += len(s.recv(4096))
        time.sleep(0.05)
    s.close()
    time.sleep(0.3)


@capture("bufferbloat")
def bufferbloat(net):
    """A slow link with a queue much too long: the round trip grows with the window."""
    net.delay(0.01)
    net.to_server.set(delay=0.01, rate=4_000_000)
    upload(net, 400_000)


@capture("linger0")
def linger0(net):
    """The server aborts: SO_LINGER with 0 seconds."""
    def aborts(peer):
        peer.recv(100)
        peer.sendall(b"half an ans")
        time.sleep(0.1)
        peer.setsockopt(*LINGER0)
        peer.close()
    served(net, 5001, aborts)
    s = connected(net, 5001)
    s.sendall(b"give\n")
    time.sleep(0.4)
    s.close()


@capture("unread")
def unread(net):
    """The server closes without having read everything: a reset instead of a FIN."""
    def careless(peer):
        time.sleep(0.2)
        peer.recv(10)
        peer.close()
    served(net, 5001, careless)
    s = connected(net, 5001)
    s.sendall(b"x" * 500)
    time.sleep(0.5)
    s.close()


@capture("late-data")
def late_data(net):
    """The server has closed; the client goes on writing and is reset."""
    net.delay(0.005)
    served(net, 5001, lambda peer: (peer.sendall(b"bye\n"), peer.close()))
    s = connected(net, 5001)
    time.sleep(0.2)
    s.sendall(b"are you there?\n")
    time.sleep(0.1)
    try:
        s.sendall(b"hello?\n")
    except OSError:
        pass
    s.close()


@capture("half-close")
def half_close(net):
    """The client has said everything and shuts down; the server thinks, answers, closes."""
    net.delay(0.005)

    def sums(peer):
        drain(peer)
        time.sleep(0.6)
        peer.sendall(b"x" * 4_000)
        time.sleep(0.2)
        peer.close()
    served(net, 5001, sums)
    s = connected(net, 5001)
    s.sendall(b"1 + 1\n")
    s.shutdown(socket.SHUT_WR)
    drain(s)
    s.close()
    time.sleep(0.2)


@capture("killed-server")
def killed_server(net):
    """The server's machine goes dark in the middle of an upload: retransmissions, and nobody answers."""
    net.a.sysctl(tcp_retries2=5)
    net.delay(0.005)
    served(net, 5001, drain)
    s = connected(net, 5001)
    s.sendall(b"x" * 5_000)
    time.sleep(0.3)
    net.firewall(net.b, "input", "drop")
    s.sendall(b"y" * 3_000)
    try:
        s.settimeout(20)
        s.recv(10)
    except OSError:
        pass
    s.close()


KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


@capture("keepalive")
def keepalive(net):
    """An idle connection is probed; then the server's machine goes dark."""
    served(net, 5001, drain)
    s = connected(net, 5001, *KEEPALIVE)
    s.sendall(b"hello\n")
    time.sleep(2.5)
    net.firewall(net.b, "input", "drop")
    try:
        s.settimeout(8)
        s.recv(10)
    except OSError:
        pass
    s.close()


@capture("black-hole", router=True)
def black_hole(net):
    """The way narrows to 1280 bytes behind a router, and a firewall drops the ICMP messages that would tell."""
    net.b.run("ip link set eth0 mtu 1280")
    net.r.run("ip link set right mtu 1280")
    net.firewall(net.a, "input", "ip protocol icmp drop")
    net.firewall(net.r, "output", "ip protocol icmp drop")
    # The server claims a large MSS, as if its own link were not narrow.
    net.b.run("ip route replace default via 10.9.1.1 advmss 1460")
    net.firewall(net.r, "forward", "tcp flags \\& syn == syn tcp option maxseg size set 1460")
    net.a.sysctl(tcp_mtu_probing=0, tcp_retries2=4)
    served(net, 5001, drain)
    s = connected(net, 5001)
    s.sendall(b"small\n")
    time.sleep(0.2)
    s.sendall(b"x" * 4_000)
    time.sleep(4)
    s.setsockopt(*LINGER0)
    s.close()


@capture("path-mtu", router=True)
def path_mtu(net):
    """The way narrows behind a router, and ICMP tells."""
    net.b.run("ip link set eth0 mtu 1280; ip route replace default via 10.9.1.1 advmss 1460")
    net.r.run("ip link set right mtu 1280")
    net.firewall(net.r, "forward", "tcp flags \\& syn == syn tcp option maxseg size set 1460")
    upload(net, 12_000)


@capture("options-stripped", router=True, both=True)
def options_stripped(net):
    """A middlebox takes window scale and SACK out of the SYN, and clamps the MSS."""
    net.delay(0.005)
    for what in ("reset tcp option window", "reset tcp option sack-perm", "tcp option maxseg size set 1360"):
        net.firewall(net.r, "forward", f"tcp flags \\& syn == syn {what}")
    upload(net, 30_000)


@capture("no-sack")
def no_sack(net):
    """The server does not know SACK, window scale or timestamps."""
    net.b.sysctl(tcp_sack=0, tcp_window_scaling=0, tcp_timestamps=0)
    net.to_server.set(delay=0.01, loss=0.03, seed=11)
    upload(net, 120_000)


@capture("port-reuse")
def port_reuse(net):
    """The same pair of ports again, out of the server's TIME-WAIT."""
    for n in range(2):
        served(net, 5001 , lambda peer: (peer.sendall(b"bye\n"), peer.close()))
        s = connected(net, 5001, source=40_001)
        drain(s)
        time.sleep(0.05)
        s.close()
        time.sleep(1.2)


@taps_itself
@capture("mid-stream")
def mid_stream(net):
    """tcpdump was started when the connection already was."""
    net.delay(0.005)

    def echo(peer):
        for _ in range(4):
            peer.sendall(peer.recv(4000))
        drain(peer)
        peer.close()
    served(net, 5001, echo)
    s = connected(net, 5001)
    s.sendall(b"before\n")
    s.recv(100)
    time.sleep(0.1)
    net.tap()
    for _ in range(3):
        s.sendall(b"x" * 3000)
        time.sleep(0.1)
        s.recv(4000)
    s.close()
    time.sleep(0.2)


@capture("two-ends", both=True)
def two_ends(net):
    """A transfer with loss and reordering, seen at both ends."""
    net.to_server.set(delay=0.01, loss=0.03, seed=13)
    net.to_client.set(delay=0.01, loss=0.01, seed=4)
    upload(net, 120_000)


@capture("two-ends-offload", both=True, offload=True)
def two_ends_offload(net):
    """The same with offloads: the sender's end shows segments that the wire never saw so large."""
    net.firewall(net.r, "forward", "numgen random mod 100 \\< 8 drop")
    upload(net, 200_000)


@capture("two-ends-nat", both=True, router=True)
def two_ends_nat(net):
    """A router with NAT between: addresses and ports differ at the two ends."""
    net.to_server.set(delay=0.008)
    net.to_client.set(delay=0.008, loss=0.01, seed=6)
    net.r.run("nft add table ip n; nft add chain ip n p \"{ type nat hook postrouting priority 100; }\"; "
              "nft add rule ip n p oifname right masquerade")
    net.firewall(net.r, "forward", "tcp flags \\& syn == syn tcp option maxseg size set 1400")
    download(net, 60_000)


@capture("run-good")
def run_good(net):
    """A good run, to compare with run-bad."""
    net.delay(0.01)
    download(net, 100_000)


@capture("run-bad")
def run_bad(net):
    """The same exchange as run-good on a bad day."""
    net.to_server.set(delay=0.01)
    net.to_client.set(delay=0.03, loss=0.04, seed=21)
    download(net, 100_000)


def main():
    names = sys.argv[1:] or list(CAPTURES)
    unknown = [name for name in names if name not in CAPTURES]
    if unknown:
        sys.exit(f"no such capture: {', '.join(unknown)}; there are: {', '.join(CAPTURES)}")
    for name in names:
        try:
            CAPTURES[name]()
            print(f"{name}: made")
        except (OSError, RuntimeError) as error:
            print(f"{name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
