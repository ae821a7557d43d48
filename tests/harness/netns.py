"""Network namespaces for tests: a network of their own with one real address, and a second host joined by a cable.

`python -m tests.harness.netns -- CMD…` becomes CMD inside a fresh namespace. Media needs this because aioice never
offers 127.0.0.1, and Chromium offers only the address of the default route; so the namespace has `lo`, the address
`ADDRESS` on a veth pair (the kernel of a test machine may lack `dummy`) and a default route over it that leads nowhere.
The namespace is never named: the kernel takes it down with its last process, so nothing is left behind.
"""

import argparse
import asyncio
import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ADDRESS = "198.18.0.1"
"""The address inside the namespace, of the range set aside for benchmarks (RFC 2544, section C.2.2)."""
DEVICE = "sm0"
MARK = "SUPPORT_TEST_NETNS"

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


def _unshare_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot make a network namespace ({os.strerror(number)}): run the tests as root")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _no_ipv6() -> None:
    # Link-local IPv6 addresses would appear seconds later ("tentative") and change what ICE gathers from run to run.
    for scope in ("all", "default"):
        with suppress(OSError):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")


def inside() -> bool:
    """Whether this process already runs in a namespace of ours."""
    return os.environ.get(MARK) == "1"


def enter() -> None:
    """Move this thread, and whatever it starts from now on, into a fresh namespace with a working address.

    Call it before any other thread is started: namespaces belong to threads, and older threads stay behind.

    Raises:
        OSError: without root's rights, or where `ip` or veth is missing; the message says so.
    """
    if os.geteuid() != 0:
        raise PermissionError("a network namespace needs root: run the tests as root")
    _unshare_network()
    _no_ipv6()
    _ip("link", "set", "lo", "up")
    _ip("link", "add", DEVICE, "type", "veth", "peer", "name", f"{DEVICE}x")
    _ip("link", "set", f"{DEVICE}x", "up")
    _ip("link", "set", DEVICE, "up")
    _ip("address", "add", f"{ADDRESS}/30", "dev", DEVICE)
    _ip("route", "add", "default", "via", "198.18.0.2", "dev", DEVICE)
    os.environ[MARK] = "1"


class SecondHost:
    """A second network namespace, joined to this one by a veth pair that can be cut and mended.

    The far side has the address `address`, this side `near_address`; programs are started there with `prefix()`. No
    process holds the namespace: an open file does, so it ends with this one. Pages of this side are reached from there
    at `http://{near_address}:PORT`, which is no secure context: give Chromium `secure_origins`.

    Args:
        number: 1…60, unlike that of any other second host of this namespace.
    """

    def __init__(self, number: int = 1) -> None:
        self.device = f"far{number}"
        self.near_address = f"198.18.{number}.1"
        self.address = f"198.18.{number}.2"
        self._descriptor = _fresh_namespace()
        self._path = f"/proc/{os.getpid()}/fd/{self._descriptor}"
        self._join()
        _ip("address", "add", f"{self.near_address}/30", "dev", self.device)
        _ip("link", "set", self.device, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{self.address}/30", "dev", DEVICE),
            ("link", "set", DEVICE, "up"),
            ("route", "add", "default", "via", self.near_address, "dev", DEVICE),
        ):
            self._run("ip", *words)

    def _join(self) -> None:
        """Make both ends of the cable."""
        _ip("link", "add", self.device, "type", "veth", "peer", "name", DEVICE, "netns", self._path)

    def _run(self, *words: str) -> None:
        subprocess.run([*self.prefix(), *words], check=True, capture_output=True)

    def prefix(self) -> list[str]:
        """Words to put before a command so that it runs on the far side."""
        return ["nsenter", f"--net={self._path}", "--"]

    def cut(self) -> None:
        """Pull the cable: packets vanish in both directions, nobody is told."""
        _ip("link", "set", self.device, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self.device, "up")

    def close(self) -> None:
        """Take the host down; programs still running there lose their network."""
        with suppress(OSError):
            _ip("link", "delete", self.device)
        os.close(self._descriptor)

    async def aclose(self) -> None:
        """`close`, for asynchronous callers."""
        await asyncio.to_thread(self.close)


class LongLine(SecondHost):
    """A second host at the end of a line that is long, narrow, lossy or uneven: two TUN devices and `forwarder`.

    Rate is the kernel's `tbf`, loss its `numgen`; both hold in both directions, as delay and bursts do.
    """

    def _join(self) -> None:
        near = _open_tun(self.device, None)
        far = _open_tun(DEVICE, self._descriptor)
        self._ends = (near, far)
        self._forwarder = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.forwarder", str(near), str(far)],
            stdin=subprocess.PIPE,
            pass_fds=(near, far),
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._is_lossy = False

    def become(
        self,
        *,
        delay_ms: float = 0.0,
        loss_percent: int = 0,
        kbit_per_s: int = 0,
        queue_ms: int = 300,
        burst_ms: float = 0.0,
        burst_every_s: float = 0.0,
    ) -> None:
        """Change the line; what is not named is as on a good one.

        Args:
            delay_ms: one way.
            loss_percent: of the packets, each for itself.
            kbit_per_s: 0: as fast as it goes.
            queue_ms: how much of that rate the router holds before it drops.
            burst_ms: for how long nothing passes …
            burst_every_s: … how often.
        """
        wire = {"delay_s": delay_ms / 1000, "burst_s": burst_ms / 1000, "burst_every_s": burst_every_s}
        assert self._forwarder.stdin is not None
        self._forwarder.stdin.write(json.dumps(wire) + "\n")
        self._forwarder.stdin.flush()
        for run, device in ((_run_here, self.device), (self._run, DEVICE)):
            with suppress(subprocess.CalledProcessError):
                run("tc", "qdisc", "del", "dev", device, "root")
            if kbit_per_s:
                rate = (f"{kbit_per_s}kbit", "burst", "6kb", "latency", f"{queue_ms}ms")
                run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", *rate)
        # At the receiving end: what is dropped on the way out is an error for whoever sends.
        for run, device in ((_run_here, self.device), (self._run, DEVICE)):
            table = ("inet", f"loss_{self.device}")
            if self._is_lossy:
                run("nft", "delete", "table", *table)
            if loss_percent:
                run("nft", "add", "table", *table)
                run("nft", "add", "chain", *table, "in", "{ type filter hook input priority 0; }")
                rule = f"iifname {device} numgen random mod 100 < {loss_percent} drop"
                run("nft", "add", "rule", *table, "in", *rule.split())
        self._is_lossy = loss_percent > 0

    def close(self) -> None:
        """Take the host down; programs still running there lose their network."""
        if self._is_lossy:
            _run_here("nft", "delete", "table", "inet", f"loss_{self.device}")
        assert self._forwarder.stdin is not None
        self._forwarder.stdin.close()
        self._forwarder.wait(5)
        for end in self._ends:
            os.close(end)
        super().close()


@contextmanager
def blocked(*rules: str) -> Iterator[None]:
    """Packets that come into this namespace and fit a rule vanish without a word, as at a firewall.

    Args:
        rules: what they are, in the words of `nft`, such as `udp dport 3478`.
    """
    _run_here("nft", "add", "table", "inet", "blocked")
    _run_here("nft", "add", "chain", "inet", "blocked", "in", "{ type filter hook input priority 0; }")
    try:
        for rule in rules:
            _run_here("nft", "add", "rule", "inet", "blocked", "in", *rule.split(), "drop")
        yield
    finally:
        _run_here("nft", "delete", "table", "inet", "blocked")


def _run_here(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _open_tun(name: str, namespace: int | None) -> int:
    """An open TUN device of that name in this namespace, or another one; it lives as long as the file is open.

    See Documentation/networking/tuntap.rst of Linux.
    """
    found: list[int | OSError] = []

    def make() -> None:
        try:
            if namespace is not None and ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot enter the namespace")
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
            found.append(descriptor)
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=make, name="tun")
    thread.start()
    thread.join()
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _fresh_namespace() -> int:
    """An open file of a new namespace; only a passing thread ever was in it."""
    found: list[int | OSError] = []

    def make() -> None:
        try:
            _unshare_network()
            _no_ipv6()
            found.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=make, name="namespace")
    thread.start()
    thread.join()
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def main(words: Sequence[str] | None = None) -> None:
    """Become the given command inside a fresh namespace."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.netns", description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND and its arguments")
    command = parser.parse_args(words).command
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        parser.error("no command given")
    if not inside():
        try:
            enter()
        except OSError as error:
            sys.exit(f"netns: {error.args[-1]}")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"netns: {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
