"""One QEMU: its process, its monitor and the beats of the guest in it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.lab.guest import Load
from tests.lab.network import ENDS_WITH_US

EMULATOR = "qemu-system-x86_64"
GREETING = b"ready\n"
ANSWER_WITHIN_S = 20.0
NICE = -10


class MonitorError(RuntimeError):
    """QEMU refused a command."""


def prefer(pid: int) -> None:
    """Let a process that leads a session of its own have the processor before others, where we may say so."""
    # Linux weighs sessions against each other first; a nice value counts only within one.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICE), encoding="utf-8")


class Monitor:
    """QEMU's monitor (QMP) over a socket that is already connected."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(ANSWER_WITHIN_S)
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self._message()
        self.command("qmp_capabilities")

    def _message(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise MonitorError("the emulator has ended")
        message: dict[str, Any] = json.loads(line)
        return message

    def command(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Have QEMU do something and return its answer; underscores in names of arguments stand for hyphens.

        Raises
        ------
        MonitorError
            If it refuses or has ended.
        """
        hyphened = {key.replace("_", "-"): value for key, value in arguments.items()}
        try:
            self._connection.sendall(json.dumps({"execute": name, "arguments": hyphened}).encode() + b"\n")
            while True:
                message = self._message()
                if "return" in message:
                    answer: dict[str, Any] = message["return"]
                    return answer
                if "error" in message:
                    raise MonitorError(f"{name}: {message['error']['desc']}")
        except OSError as error:
            raise MonitorError(f"{name}: {error}") from error

    def close(self) -> None:
        self._lines.close()
        self._connection.close()


class Machine:
    """A running QEMU with the guest in it, or waiting for one to come in.

    Emulated in software with one thread, so that it runs the same where there is hardware support and where there
    is none. It has no files: monitor and beats are sockets made here, and it ends when this process does.

    Attributes
    ----------
    beats
        When each beat of the guest arrived, in seconds of the monotonic clock.
    """

    def __init__(
        self, image: Path, memory_mib: int, load: Load, within: Sequence[str] = (), *, incoming: bool = False
    ) -> None:
        self.beats: list[float] = []
        self._ready = threading.Event()
        ours, monitor = socket.socketpair()
        self._beat_end, beats = socket.socketpair()
        command = [
            *ENDS_WITH_US,
            *within,
            *(EMULATOR, "-accel", "tcg,thread=single,tb-size=32", "-machine", "pc", "-m", str(memory_mib)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
            *("-kernel", str(image), "-append", load.command_line()),
            *("-chardev", f"socket,id=monitor,fd={monitor.fileno()}", "-mon", "chardev=monitor,mode=control"),
            *("-chardev", f"socket,id=beats,fd={beats.fileno()}", "-device", "isa-debugcon,iobase=0xe9,chardev=beats"),
            *(("-incoming", "defer") if incoming else ()),
        ]
        with monitor, beats:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(monitor.fileno(), beats.fileno()),
                start_new_session=True,
            )
        prefer(self.process.pid)
        self._listener = threading.Thread(target=self._listen, args=(not incoming,), daemon=True)
        self._listener.start()
        self.monitor = Monitor(ours)

    def _listen(self, greeted: bool) -> None:
        """Note when beats come, after the greeting of a guest that starts here."""
        head = b""
        while data := self._beat_end.recv(4096):
            now = time.monotonic()
            if greeted and not self._ready.is_set():
                head += data
                if GREETING not in head:
                    continue
                data = head.partition(GREETING)[2]
                self._ready.set()
            self.beats.extend([now] * len(data))

    def wait_until_ready(self) -> None:
        """Wait until the guest has filled its memory and beats.

        Raises
        ------
        TimeoutError
            If it does not within 20 s.
        """
        if not self._ready.wait(ANSWER_WITHIN_S):
            raise TimeoutError("the guest did not start")

    def set_capabilities(self, wanted: dict[str, bool]) -> None:
        """Switch capabilities of migration on and off, by QEMU's names for them.

        Raises
        ------
        MonitorError
            If the machine does not allow one.
        """
        states = [{"capability": name, "state": state} for name, state in wanted.items()]
        self.monitor.command("migrate-set-capabilities", capabilities=states)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self._listener.join(timeout=1)
        self.monitor.close()
        self._beat_end.close()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
