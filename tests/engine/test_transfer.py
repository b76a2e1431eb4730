"""An execution leaves one store as a document and goes on in another, as if it had always been there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from prana_py import (
    DocumentError,
    LocalRuntime,
    NotFoundError,
    StorageError,
    UsageError,
    WorkflowBuilder,
    node,
    wait_for_interval,
    wait_for_webhook,
)
from prana_py.engine.engine import Engine
from prana_py.execution.sameness import same_state
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store


@node
def ask():
    return wait_for_webhook()


@node
def pause():
    return wait_for_interval(timedelta(hours=1))


@node
def add(input, by: int = 1):
    return input + by


@node
def large(input):
    return {"text": "x" * 10_000, "again": ["y" * 10_000, "x" * 10_000], "bytes": b"\x00\xff" * 4000}


@node
def echo(input):
    return input


NODES: list[Any] = [ask, pause, add, large, echo]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def here(clock):
    with Engine(nodes=NODES, runtime=LocalRuntime(clock=clock)) as opened:
        yield opened
        check_store(opened)


@pytest.fixture
def there(clock):
    with Engine(nodes=NODES, runtime=LocalRuntime(clock=clock)) as opened:
        yield opened
        check_store(opened)


def published(engine, name, *nodes):
    flow = WorkflowBuilder(name)
    last = None
    for each in nodes:
        added = flow.add(each)
        if last is not None:
            last.then(added)
        last = added
    return engine.publish(flow.build())


def moved(here, there, execution_id):
    """What arrives has been text in between."""
    return there.import_(json.dumps(here.export(execution_id)))


@pytest.mark.parametrize("nodes", [(add, echo), (add, ask, echo), (large, ask, echo), (pause, add)])
def test_an_execution_arrives_as_it_was(here, there, nodes):
    published(here, "flow", *nodes)
    execution = here.start("flow", 1)

    imported = moved(here, there, execution.id)

    assert imported.executions == (execution.id,)
    assert imported.workflows == (("flow", 1),)
    assert same_state(there.get(execution.id), here.get(execution.id))
    assert there.list().executions == here.list().executions
    assert there.waits(execution.id) == here.waits(execution.id)
    assert there.export(execution.id) == here.export(execution.id)


def test_an_open_wait_is_open_there(here, there):
    published(here, "flow", ask, add)
    execution = here.start("flow", 1)
    moved(here, there, execution.id)

    assert there.resume(execution.id, 41).output == 42


def test_a_timer_goes_off_there(here, there, clock):
    published(here, "flow", pause, echo)
    execution = here.start("flow", 1)
    moved(here, there, execution.id)

    assert there.wake_due() == []
    clock.advance(hours=1)
    (woken,) = there.wake_due()

    assert (woken.id, woken.status) == (execution.id, "completed")


def test_what_nobody_has_begun_begins_there(here, there):
    published(here, "flow", add)
    execution_id = here.submit("flow", 41, version=1)
    moved(here, there, execution_id)

    (ended,) = there.wake_due()

    assert (ended.id, ended.output) == (execution_id, 42)


def test_what_is_to_begin_later_begins_later_there(here, there, clock):
    published(here, "child", add)
    parent = WorkflowBuilder("parent")
    parent.add(
        "workflow.execute",
        key="call",
        workflow_id="child",
        mode="async",
        batch="window",
        window="1h",
        input=[1, 2],
    )
    here.publish(parent.build())
    execution = here.start("parent", 1)
    moved(here, there, execution.id)

    there.wake_due()
    assert there.count(workflow="child", status="pending") == 1
    clock.advance(hours=1)
    for _ in range(2):
        there.wake_due()

    assert there.get(execution.id).status == "completed"


def test_children_come_along_and_tell_their_parent(here, there):
    published(here, "child", ask, add)
    parent = WorkflowBuilder("parent")
    parent.add("workflow.execute", key="call", workflow_id="child", mode="async").then(parent.add(echo))
    here.publish(parent.build())
    execution = here.start("parent", 1)
    here.wake_due()
    (child,) = here.list(parent=execution.id)
    assert child.status == "suspended"

    imported = moved(here, there, execution.id)
    there.resume(child.id, 41)
    there.wake_due()

    assert imported.executions == (execution.id, child.id)
    assert imported.workflows == (("parent", 1), ("child", 1))
    assert there.get(execution.id).status == "completed"


def test_what_was_moved_to_another_version_brings_both(here, there):
    published(here, "flow", ask)
    published(here, "flow", ask, add)
    execution = here.start("flow", 1, version=1)
    here.migrate_execution(execution.id, 2)

    imported = moved(here, there, execution.id)

    assert imported.workflows == (("flow", 1), ("flow", 2))
    assert there.resume(execution.id, 1).output == 2


def test_a_large_value_is_in_the_document_once(here, there):
    published(here, "flow", large, echo)
    document = here.export(here.start("flow", 1).id)

    text = json.dumps(document)
    assert text.count("x" * 10_000) == text.count("y" * 10_000) == 1


def test_an_idempotency_key_comes_along(here, there):
    published(here, "flow", ask)
    execution = here.start("flow", 1, idempotency_key="k")
    moved(here, there, execution.id)

    assert there.start("flow", 1, idempotency_key="k").id == execution.id


def test_an_idempotency_key_that_is_taken_is_refused(here, there):
    for engine in (here, there):
        published(engine, "flow", ask)
    execution = here.start("flow", 1, idempotency_key="k")
    there.start("flow", 1, idempotency_key="k")

    with pytest.raises(UsageError) as refused:
        moved(here, there, execution.id)

    assert refused.value.code == "idempotency_key_taken"
    assert there.count() == 1


def test_the_same_document_twice_changes_nothing(here, there):
    published(here, "flow", ask)
    execution = here.start("flow", 1)
    moved(here, there, execution.id)

    again = moved(here, there, execution.id)

    assert (again.executions, again.workflows) == ((), ())
    assert there.count() == 1


def test_another_execution_with_the_same_id_is_refused(here, there):
    published(here, "flow", ask)
    execution = here.start("flow", 1)
    document = here.export(execution.id)
    here.resume(execution.id, 1)

    with pytest.raises(UsageError) as refused:
        here.import_(document)

    assert refused.value.code == "execution_exists"
    assert here.get(execution.id).status == "completed"


def test_another_workflow_with_the_same_version_is_refused_and_nothing_is_kept(here, there):
    published(here, "flow", ask)
    published(there, "flow", ask, add)
    execution = here.start("flow", 1)

    with pytest.raises(UsageError) as refused:
        moved(here, there, execution.id)

    assert refused.value.code == "workflow_differs"
    assert there.count() == 0


def test_a_workflow_travels_under_its_own_number(here, there):
    published(here, "flow", ask)
    published(here, "flow", ask, add)

    imported = there.import_(here.export_workflow("flow"))

    assert imported.workflows == (("flow", 2),)
    assert there.workflow("flow") == here.workflow("flow")
    assert published(there, "flow", echo).version == 3


def test_nobody_cannot_be_exported(here):
    with pytest.raises(NotFoundError):
        here.export("nobody")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda document: "[]", "document_unknown"),
        (lambda document: {**document, "format": 99}, "format_unknown"),
        (lambda document: {**document, "executions": 7}, "document_damaged"),
        (lambda document: {**document, "executions": [{}]}, "document_damaged"),
        (lambda document: {**document, "blobs": dict.fromkeys(document["blobs"], "other")}, "document_damaged"),
        (lambda document: {**document, "blobs": {}}, "document_damaged"),
        (lambda document: _with(document, rows=document["executions"][0]["rows"][1:]), "journal_invalid"),
        (lambda document: _with(document, rows=document["executions"][0]["rows"][:-1]), "document_damaged"),
        (lambda document: _with(document, status="completed"), "document_damaged"),
        (lambda document: _with(document, rows=[[1, 2, 3]]), "row_invalid"),
    ],
)
def test_a_damaged_document_is_refused_and_nothing_is_kept(here, there, damage, code):
    published(here, "flow", large, ask)
    document = damage(here.export(here.start("flow", 1).id))

    with pytest.raises(StorageError) as refused:
        there.import_(document)

    assert refused.value.code == code
    assert (there.count(), there.workflows()) == (0, [])


def test_text_that_is_no_json_is_refused(there):
    with pytest.raises(DocumentError):
        there.import_("{")


def _with(document, **changes):
    (execution,) = document["executions"]
    return {**document, "executions": [{**execution, **changes}]}
