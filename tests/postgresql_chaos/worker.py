"""A process that drives what is due in a database until it is told to stop: ``worker.py <url>``."""

from __future__ import annotations

import signal
import sys
from datetime import timedelta

from prana_py import LocalRuntime
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from tests.postgresql_chaos.population import NODES


def main(url: str, lease_s: float) -> None:
    engine = Engine(url, nodes=NODES, runtime=LocalRuntime(), lease=timedelta(seconds=lease_s))
    with engine:
        worker = Worker(engine, concurrency=3)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        print("ready", flush=True)
        worker.run()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
