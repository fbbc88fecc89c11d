"""Files: read text that may be anything, write text so that a file is either the old one or the new one."""

from __future__ import annotations

import codecs
import contextlib
import os
import secrets
import stat
from pathlib import Path

from planner.errors import InputError, Place

MAX_FILE_BYTES = 64 * 2**20
"""Largest file read [bytes]: 64 MiB, some twenty times an inventory of 20,000 VMs."""

_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: str | Path) -> str:
    """Read a file of UTF-8 text.

    Parameters
    ----------
    path
        A file, or anything else that can be read to an end, such as a pipe.

    Returns
    -------
    str
        The text, without a byte order mark.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is larger than `MAX_FILE_BYTES` or is no UTF-8 text.
    """
    return _decode(read_bytes(path), str(path))


def read_bytes(path: str | Path) -> bytes:
    """Read a file of any kind.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read or is larger than `MAX_FILE_BYTES`.
    """
    place = Place(file=str(path))
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise InputError.single("missing-file", "there is no such file", "check the path", place) from None
    except IsADirectoryError:
        raise InputError.single("not-a-file", "this is a directory", "give a file in it", place) from None
    except PermissionError:
        mend = "make the file readable for the user who runs this"
        raise InputError.single("no-permission", "the file may not be read", mend, place) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError.single("unreadable", f"the file cannot be read: {reason}", "check the path", place) from None
    if len(data) > MAX_FILE_BYTES:
        message = f"the file is larger than {MAX_FILE_BYTES // 2**20} MiB"
        raise InputError.single("too-large", message, "check that it is the right file", place)
    return data


def _decode(data: bytes, file: str) -> str:
    if data.startswith(_WIDE):
        mend = "save it as UTF-8"
        raise InputError.single("not-utf8", "the file is UTF-16 or UTF-32, not UTF-8", mend, Place(file=file))
    nul = data.find(b"\0")
    if nul >= 0:
        place = Place(file=file, line=data.count(b"\n", 0, nul) + 1)
        message = "the file is binary: it holds a NUL byte"
        raise InputError.single("binary-file", message, "check that it is the right file", place)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(file=file, line=data.count(b"\n", 0, error.start) + 1)
        message = f"the file is no UTF-8 text: byte 0x{data[error.start]:02x}"
        raise InputError.single("not-utf8", message, "save it as UTF-8", place) from None


def write_text(path: str | Path, text: str) -> None:
    """Write a file of UTF-8 text, all of it or nothing.

    The text goes to a temporary file in the same directory, is flushed to the disk and takes the place of the
    old file in one step, keeping the old file's permissions. Where the path is a device or a pipe, the text is
    simply written to it.

    Raises
    ------
    InputError
        If the file cannot be written. What stood there before stands there still.
    """
    try:
        mode = Path(path).stat().st_mode if Path(path).exists() else None
        if mode is None or stat.S_ISREG(mode):
            # A symbolic link stays one: its target is replaced.
            _replace(Path(path).resolve(), text.encode(), None if mode is None else stat.S_IMODE(mode))
        else:
            with Path(path).open("wb") as file:
                file.write(text.encode())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"the file cannot be written: {reason}"
        mend = "check that its directory exists, may be written and has room"
        raise InputError.single("cannot-write", message, mend, Place(file=str(path))) from None


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    temporary = target.with_name(f".evac-{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - an open descriptor has no Path
            file.write(data)
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Flush the new name to the disk, where the system can do that for a directory."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
