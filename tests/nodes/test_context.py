"""What a node sees of its run, and what it can tell."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed
from prana_py.nodes.call import call_node
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from tests.nodes.calls import NOW, error_of, invocation, value_of


def test_a_node_sees_its_identity():
    @node
    def who(ctx: NodeContext) -> Any:
        return [
            ctx.execution_id,
            ctx.workflow_id,
            ctx.node_key,
            ctx.scope,
            ctx.run,
            ctx.run_index,
            ctx.attempt,
            ctx.now,
        ]

    assert value_of(who, scope=(("each", 0, 2),), run=1, run_index=4, attempt=2) == [
        "e", "w", "n", (("each", 0, 2),), 1, 4, 2, NOW
    ]  # fmt: skip


def test_the_idempotency_key_is_the_same_for_every_attempt():
    @node
    def key(ctx: NodeContext) -> str:
        return ctx.idempotency_key

    assert value_of(key, attempt=1) == value_of(key, attempt=2)
    assert value_of(key, run=0) != value_of(key, run=1)


def test_only_granted_secrets_are_served():
    @node
    def secret(ctx: NodeContext, name: str) -> Any:
        return ctx.secrets[name]

    def answer(name: str) -> Any:
        return call_node(
            secret, invocation(params={"name": name}, secrets=("token",)), secret_source={"token": "s3", "x": "y"}.get
        )

    assert answer("token") == Completed("s3")
    refused = answer("tokn").error
    assert (refused.code, refused.message) == (
        "secret_not_granted",
        "the secret 'tokn' is not granted to this workflow – did you mean 'token'?",
    )
    assert error_of(secret, params={"name": "token"}, secrets=("token",)).code == "secret_missing"


def test_a_node_tells_its_progress_and_that_it_lives():
    class Noting:
        def __init__(self) -> None:
            self.told: list[Any] = []

        def progress(self, invocation: Invocation, fraction: float, message: str) -> None:
            self.told.append((invocation.node_key, fraction, message))

        def heartbeat(self, invocation: Invocation) -> None:
            self.told.append(invocation.node_key)

    @node
    def works(ctx: NodeContext) -> None:
        ctx.progress(0.5, "half")
        ctx.progress(7)
        ctx.progress(float("nan"))
        ctx.heartbeat()

    noting = Noting()
    assert call_node(works, invocation(), observer=noting) == Completed(None)
    assert noting.told == [("n", 0.5, "half"), ("n", 1.0, ""), ("n", 0.0, ""), "n"]
    assert value_of(works) is None


def test_a_node_learns_that_it_should_end():
    @node
    def asks(ctx: NodeContext) -> bool:
        return ctx.cancelled

    flag = threading.Event()
    assert call_node(asks, invocation(), cancel_flag=flag) == Completed(False)
    flag.set()
    assert call_node(asks, invocation(), cancel_flag=flag) == Completed(True)
    assert value_of(asks) is False


def test_a_node_writes_to_the_logger_of_its_type(caplog: pytest.LogCaptureFixture):
    @node
    def notes(ctx: NodeContext) -> None:
        ctx.logger.warning("hm")

    value_of(notes, node_type="my.type")

    assert [(record.name, record.message) for record in caplog.records] == [("prana_py.node.my.type", "hm")]
