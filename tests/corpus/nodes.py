"""The nodes that the workflows of the corpus are made of. They are never changed: what is stored speaks of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prana_py import node, wait_for_interval, wait_for_signal, wait_for_webhook


@node
def ask(input):
    return wait_for_webhook()


@node
def pause(input):
    return wait_for_interval(timedelta(hours=1))


@node
def listen(input):
    return wait_for_signal("go")


@node
def double(input):
    return input * 2


@node
def large(input):
    return {"text": "x" * 6000, "when": input}


@node
def flaky(ctx, input):
    if ctx.attempt == 1:
        raise ConnectionError("away")
    return input


NODES: list[Any] = [ask, pause, listen, double, large, flaky]
