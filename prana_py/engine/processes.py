"""Which process of which machine this is, and whether another one of this machine still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """A text that no other process has, now or later: machine, space of process ids, process id, and when it began."""
    return f"{socket.gethostname()}|{_space()}|{os.getpid()}|{_began(os.getpid())}"


def is_dead(process: str) -> bool:
    """The process was one of this machine, and is not there any more. Of others nothing can be said: false."""
    parts = process.split("|")
    if len(parts) != 4 or parts[0] != socket.gethostname() or parts[1] != _space() or not parts[1]:
        return False
    return _began(int(parts[2])) != parts[3]


def _space() -> str:
    """What process ids mean here: they are unique within one start of a machine, and one namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _began(process_id: int) -> str:
    """When a process began, in ticks since the machine did; empty: there is none."""
    try:
        told = Path(f"/proc/{process_id}/stat").read_text("ascii", "replace")
    except OSError:
        return ""
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
