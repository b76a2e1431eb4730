"""``python -m prana_py.cli``: the same as ``prana``."""

from __future__ import annotations

from prana_py.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
