"""Random workflows: blocks within blocks, with a few connections that keep to no order."""

from __future__ import annotations

from random import Random
from typing import Any

from prana_py import WorkflowBuilder
from prana_py.model.builder import NodeHandle
from prana_py.model.workflow import Workflow
from tests.simulation import random_nodes as types

JOINS: tuple[Any, ...] = (
    *("inclusive",) * 6,
    "each",
    "first",
    "all",
    {"n": 2},
    {"n": 1, "on_rest": "cancel"},
    {"n": 1, "block": True},
    {"batch": 2, "within": "10s"},
    {"batch": 2},
)


class RandomWorkflow:
    """Grows one workflow."""

    def __init__(self, random: Random, name: str, *, wild: bool, child: str | None) -> None:
        self.random = random
        self.flow = WorkflowBuilder(name, settings={"max_iterations": 5})
        self.handles: list[NodeHandle] = []
        self.wild = wild
        self.child = child
        """The workflow that may be called from here."""
        self.loops = 0
        """How many loops the block that is being made lies in."""
        self.multiplies = False
        """Something makes several runs of one; in a loop they would be more with every round."""
        self.left = random.randint(2, 9)
        """How many more blocks may be made."""

    def build(self) -> Workflow:
        """The finished workflow."""
        self.block(0)
        if self.wild and not self.multiplies:
            for _ in range(self.random.randint(0, 2)):
                self.shortcut()
        return self.flow.build()

    def add(self, node_type: Any, settings: dict[str, Any] | None = None, **params: Any) -> NodeHandle:
        key = f"n{len(self.handles)}"
        handle = self.flow.add(node_type, key, settings=settings, params=params)
        self.handles.append(handle)
        return handle

    # ── blocks: each gives its first node, and the last one with the port to leave by ─────────────────────────────

    def block(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        self.left -= 1
        if self.left <= 0 or depth > 4:
            return self.single()
        kind = self.random.choices(
            (self.sequence, self.parallel, self.choice, self.loop, self.each, self.rounds, self.single),
            (6, 4, 3, 2, 2, 1, 2),
        )[0]
        return kind(depth)

    def single(self, depth: int = 0) -> tuple[NodeHandle, NodeHandle]:
        pick = self.random.random()
        if pick < 0.5:
            handle = self.work()
        elif pick < 0.8:
            kind = self.random.choice(("webhook", "interval", "interval", "signal", "race"))
            handle = self.add(types.wait, self.settings(), kind=kind, percent=self.percent())
        elif pick < 0.9 and self.child is not None:
            handle = self.call()
        elif self.wild and pick < 0.95:
            handle = self.add(types.write)
        else:
            handle = self.add(types.several if self.may_multiply() else types.work)
        return handle, handle

    def may_multiply(self) -> bool:
        """Whether several runs may be made of one here."""
        if not self.wild or self.loops:
            return False
        self.multiplies = True
        return True

    def call(self) -> NodeHandle:
        mode = self.random.choice(("sync", "async", "fire_and_forget"))
        policy = self.random.choice(("cancel", "abandon", "request"))
        on_failure = self.random.choice(("fail_parent", "continue"))
        return self.add(
            "workflow.execute", None, workflow_id=self.child, mode=mode, parent_close=policy, on_failure=on_failure
        )

    def work(self) -> NodeHandle:
        return self.add(types.work, self.settings(), percent=self.percent())

    def percent(self) -> int:
        return self.random.choice((0, 0, 0, 20, 60))

    def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        random = self.random
        if random.random() < 0.4:
            settings["retry"] = {"max_attempts": random.randint(2, 3), "delay": random.choice(("0s", "500ms", "1m"))}
        if random.random() < 0.5:
            settings["on_error"] = random.choice(("continue", "error_port", {"fallback": "instead"}))
        if self.wild and random.random() < 0.3:
            extra: dict[str, Any] = random.choice(
                (
                    {"mutex": "m"},
                    {"enabled_if": "$state.open != false"},
                    {"race": "r"},
                    {"delivery": "at_most_once"},
                    {"reentrant": True},
                    {"timeout": "5ms"},
                )
            )
            settings |= extra
        return settings

    def sequence(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        first, before = self.block(depth + 1)
        last = before
        for _ in range(self.random.randint(1, 2)):
            entry, after = self.block(depth + 1)
            self.leave(last, entry)
            last = after
        return first, last

    def parallel(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        start = self.add(types.work)
        return start, self.meet(start, [None] * self.random.randint(2, 3), depth)

    def choice(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        start = self.add(self.random.choice((types.choose, types.both_or_none)))
        return start, self.meet(start, ["a", "b"], depth)

    def meet(self, start: NodeHandle, ports: list[str | None], depth: int) -> NodeHandle:
        ends = []
        for port in ports:
            entry, end = self.block(depth + 1)
            start.then(entry, port=port)
            ends.append(end)
        join = self.random.choice(JOINS) if self.wild else "inclusive"
        if join == "each" and not self.may_multiply():
            join = "first"
        target = self.add(types.work, {"join": join, "collect": self.random.choice(("list", "last"))})
        for end in ends:
            self.leave(end, target)
        return target

    def loop(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        self.loops += 1
        first, last = self.block(depth + 1)
        self.loops -= 1
        gate = self.add(types.choose)
        self.leave(last, gate)
        gate.then(first, port="a", loop={"name": f"c{len(self.handles)}", "max_iterations": 2})
        after = self.add(types.work)
        gate.then(after, port="b")
        return first, after

    def each(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        source = self.add(types.items)
        options: dict[str, Any] = {"max_concurrency": self.random.randint(1, 3)}
        options["on_item_error"] = self.random.choice(("stop", "continue", "skip"))
        if self.wild and self.random.random() < 0.3:
            options["need"] = 2
        owner = self.add("core.for_each", **options)
        source.then(owner)
        self.body(owner, depth)
        return source, owner

    def rounds(self, depth: int) -> tuple[NodeHandle, NodeHandle]:
        owner = self.add("core.while", condition="$loop.index < 2")
        self.body(owner, depth)
        return owner, owner

    def body(self, owner: NodeHandle, depth: int) -> None:
        entry, end = self.block(depth + 1)
        owner.then(entry, port="loop")
        if self.random.random() < 0.7:
            self.leave(end, owner)

    def leave(self, end: NodeHandle, target: NodeHandle) -> None:
        """Connect the end of a block with what follows, by its error and timeout ports too, now and then."""
        node_type = self.type_of(end)
        end.then(target, port="done" if node_type in ("core.for_each", "core.while") else None)
        if node_type in ("work", "wait") and self.random.random() < 0.6:
            end.then(target, port="error")
        if node_type == "wait" and self.random.random() < 0.8:
            end.then(target, port="timeout")

    def type_of(self, handle: NodeHandle) -> str:
        return next(str(node["type"]) for node in self.flow._nodes if node["key"] == handle.key)

    def shortcut(self) -> None:
        """A connection that keeps to no order."""
        source, target = self.random.choice(self.handles), self.random.choice(self.handles)
        if self.type_of(source) in ("work", "write", "several") and self.type_of(target) != "core.for_each":
            source.then(target)


def random_workflow(random: Random, name: str = "random", *, wild: bool, child: str | None = None) -> Workflow:
    """A workflow that always ends. A wild one may ask for races; a tame one comes to the same at any concurrency."""
    return RandomWorkflow(random, name, wild=wild, child=child).build()
