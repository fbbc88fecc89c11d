"""Two hosts and a cable between them: network namespaces that end with the run, however it ends.

The namespaces have no names. Each is held by a process that the kernel kills when this one ends, and with its last
process a namespace and the interfaces in it are gone. So nothing has to be torn down, nothing can be left over, and
runs side by side cannot meet.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from types import TracebackType

ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
SEND_BUFFER_BYTES = 256 * 1024
TCP_SHARE = 1448 / 1514
"""What Ethernet, IP and TCP leave of a full packet [1]."""
QUEUE_BYTES = 1 << 20
"""More than one connection may have under way, so that the shaper never drops."""
BURST_BYTES = 256 * 1024
"""Enough that the shaper never falls behind when it is woken a few milliseconds late."""


def run(*command: str) -> str:
    """Run a command and return what it said.

    Raises
    ------
    OSError
        If it is not there or fails; the message holds what it said on standard error.
    """
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@dataclass
class Host:
    """A network namespace, the process that holds it and the address of its end of the cable."""

    holder: subprocess.Popen[bytes]
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What comes before a command that shall run in this host's network."""
        return ("nsenter", f"--target={self.holder.pid}", "--net")

    def run(self, *command: str) -> str:
        """Run a command in this host's network."""
        return run(*self.prefix, *command)


class Cable:
    """Two hosts, source and target, and a link between them that carries `rate` bytes a second each way.

    Raises
    ------
    OSError
        On entering, where namespaces or interfaces cannot be made.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._holders: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cable:
        self.source = Host(self._hold(), "10.0.0.1")
        try:
            self.target = Host(self._hold(), "10.0.0.2")
            self._wire()
        except OSError:
            self._release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._release()

    def _hold(self) -> subprocess.Popen[bytes]:
        """Start a process in a network namespace of its own, which ends when its standard input does."""
        script = "echo; exec cat"
        command = [*ENDS_WITH_US, "unshare", "--net", "sh", "-c", script]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stderr is not None
        if not holder.stdout.readline():
            said = holder.stderr.read().decode().strip()
            holder.communicate()
            raise OSError(f"no network namespace: {said}")
        self._holders.append(holder)
        return holder

    def _release(self) -> None:
        for holder in self._holders:
            holder.communicate()
        self._holders.clear()

    def _wire(self) -> None:
        peer = str(self.target.holder.pid)
        self.source.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", peer)
        for host in (self.source, self.target):
            host.run("ip", "link", "set", "lo", "up")
            host.run("ip", "address", "add", f"{host.address}/24", "dev", "cable")
            host.run("ip", "link", "set", "cable", "up")
            # A sender that neither probes nor paces: what is lost to headers is then all that is lost.
            host.run("sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
            host.run("sysctl", "-qw", f"net.ipv4.tcp_wmem=4096 16384 {SEND_BUFFER_BYTES}")
            shaper = ("tbf", "rate", f"{round(self.rate * 8)}bit", "burst", str(BURST_BYTES), "limit", str(QUEUE_BYTES))
            host.run("tc", "qdisc", "replace", "dev", "cable", "root", *shaper)
