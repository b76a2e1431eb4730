"""A worker on another host, which a partition cuts off: others take over, and it comes back by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.postgresql_chaos.conftest import StartWorker
from tests.postgresql_chaos.load import Load
from tests.postgresql_chaos.machine import durable_server

LEASE_S = 2

HERE = "keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000&connect_timeout=2"

THERE = quote(
    "-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=2 -c tcp_user_timeout=2000 "
    "-c idle_in_transaction_session_timeout=2s"
)

IMPATIENT = f"{HERE}&options={THERE}"
"""So that both ends notice a dead line in seconds, and not only in half a minute."""


class Host:
    """A network namespace that hangs on this one by a cable."""

    def __init__(self, number: int) -> None:
        self.name = f"prana{number}"
        self.bridge, self._cable, self._plug = f"prbr{number}", f"prca{number}", f"prpl{number}"
        octet = number % 250
        self.network = f"10.213.{octet}.0/24"
        self.here, self._there = f"10.213.{octet}.1", f"10.213.{octet}.2"

    @property
    def inside(self) -> list[str]:
        """What a command is put behind to be run there."""
        return ["ip", "netns", "exec", self.name]

    def build(self, stack: ExitStack) -> None:
        """Make it; the stack takes it down."""
        ip(f"netns add {self.name}")
        stack.callback(ip, f"netns del {self.name}")
        ip(f"link add {self.bridge} type bridge")
        stack.callback(ip, f"link del {self.bridge}")
        ip(f"addr add {self.here}/24 dev {self.bridge}")
        ip(f"link set {self.bridge} up")
        ip(f"link add {self._cable} type veth peer name {self._plug} netns {self.name}")
        ip(f"link set {self._cable} up master {self.bridge}")
        ip(f"-n {self.name} addr add {self._there}/24 dev {self._plug}")
        ip(f"-n {self.name} link set {self._plug} up")

    def cut(self) -> None:
        """Pull the cable: from here on packets get lost, and nobody is told."""
        ip(f"link set {self._cable} nomaster")

    def mend(self) -> None:
        ip(f"link set {self._cable} master {self.bridge}")


def ip(arguments: str) -> None:
    done = subprocess.run(["ip", *arguments.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {arguments}: {done.stderr}")


@pytest.fixture
def host() -> Iterator[Host]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the program ip")
    host = Host(os.getpid())
    with ExitStack() as stack:
        try:
            host.build(stack)
        except RuntimeError as error:
            pytest.skip(f"this machine permits no network namespaces: {error}")
        yield host


def test_a_worker_that_a_partition_cuts_off_is_taken_over_and_comes_back(
    host: Host, start_worker: StartWorker, ledger: Path
):
    with durable_server(listens_at="*", trusts=[host.network]) as machine:
        load = Load.on(machine.url(), ledger)
        with closing(load.engine):
            away = start_worker(f"{machine.url(host.here)}?{IMPATIENT}", LEASE_S, *host.inside)
            for _ in range(2):
                # It works, and is cut off in the middle of it.
                load.submit(14)
                load.wait_for_one(of_the_last=14)
                host.cut()
                here = start_worker(machine.url(), LEASE_S)
                load.submit(7)
                load.wait_for_all()
                here.terminate()
                assert here.wait(60) == 0

                host.mend()
                load.submit(7)
                load.wait_for_all()

            executions = load.count()
            assert away.poll() is None
            away.terminate()
            assert away.wait(60) == 0
    print(f"{executions} executions, 0 lost, 0 doubled")
