"""The real command, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

TOP = Path(__file__).parent.parent.parent
EXAMPLES = TOP / "examples"


class Answer(NamedTuple):
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """The environment of the command: the package is found, and nothing else is taken from the tests."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "HOME")}
    return {**kept, "PYTHONPATH": str(TOP), "PYTHONUTF8": "1", **more}


def prana(*arguments: str, at: Path = TOP, stdin: str = "", **more: str) -> Answer:
    """Run ``prana`` with these arguments in a directory."""
    return program("-m", "prana_py.cli", *arguments, at=at, stdin=stdin, **more)


def program(*arguments: str, at: Path, stdin: str = "", **more: str) -> Answer:
    """Run Python with these arguments in a directory."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=at,
        env=environment(**more),
        input=stdin.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def written(directory: Path, name: str, nodes: list[dict[str, Any]], *connections: tuple[str, str]) -> str:
    """A workflow document with these nodes behind a trigger; the name of its file."""
    document = {
        "id": Path(name).stem,
        "name": name,
        "nodes": [{"key": "start", "type": "manual.trigger"}, *nodes],
        "connections": [{"from": source, "to": target} for source, target in connections],
    }
    (directory / name).write_text(json.dumps(document), encoding="utf-8")
    return name
