"""Threads that answer for the first time at the same moment do not bring their process down."""

import subprocess
import sys

PROCESSES = 20

TOGETHER = """
import sys
from threading import Barrier, Thread
from prana_py import node, wait_for_interval
from prana_py.nodes.answers import answer_to_outcome

@node
def nap(input): ...

def answer():
    together.wait()
    answer_to_outcome(wait_for_interval("1s"), nap.spec)

sys.setswitchinterval(1e-6)
together = Barrier(8)
threads = [Thread(target=answer) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_may_answer_for_the_first_time_at_the_same_moment():
    processes = [subprocess.Popen([sys.executable, "-c", TOGETHER]) for _ in range(PROCESSES)]

    assert [process.wait() for process in processes] == [0] * PROCESSES
