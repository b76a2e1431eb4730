"""What was written in any format that was ever released opens, resumes and finishes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from prana_py import LocalRuntime
from prana_py.engine.engine import Engine
from prana_py.testing import FakeClock
from prana_py.testing.store_invariants import check_store
from tests.corpus.make import WORKFLOWS, fill
from tests.corpus.nodes import NODES

HERE = Path(__file__).parent
STORES = sorted(HERE.glob("store_*.db"))
DOCUMENTS = sorted(HERE.glob("documents_*.json"))

EXECUTIONS = len(WORKFLOWS) + 3
"""One of each workflow, the child of one of them, one that was moved, and one that nobody has begun."""


def opened(address, clock):
    return Engine(address, nodes=NODES, runtime=LocalRuntime(clock=clock))


def finish(engine, clock):
    """Do what everything waits for, until nothing waits any more."""
    for _ in range(10):
        for summary in engine.list(status="suspended"):
            for wait in engine.waits(summary.id):
                if wait.type == "webhook":
                    engine.resume(summary.id, 21, wait_id=wait.wait_id)
                elif wait.type == "signal":
                    engine.signal(summary.id, "go", 21)
        clock.advance(hours=2)
        engine.wake_due()
    assert engine.count(status="completed") == engine.count() == EXECUTIONS
    outputs = {summary.id: engine.get(summary.id).output for summary in engine.list(workflow="asks")}
    assert sorted(outputs.values()) == [42, 42, 84]


def test_there_is_a_corpus():
    assert len(STORES) == len(DOCUMENTS) >= 1


@pytest.mark.parametrize("store", STORES, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_format_goes_on(store, tmp_path):
    shutil.copy(store, tmp_path / store.name)
    clock = FakeClock()
    with opened(f"sqlite:///{tmp_path / store.name}", clock) as engine:
        check_store(engine)
        finish(engine, clock)
        check_store(engine)


@pytest.mark.parametrize("documents", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_of_an_earlier_format_go_on(documents):
    clock = FakeClock()
    with opened("sqlite://", clock) as engine:
        for document in json.loads(documents.read_text(encoding="utf-8")):
            engine.import_(document)
        check_store(engine)
        finish(engine, clock)
        check_store(engine)


@pytest.mark.parametrize("documents", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_go_out_as_they_came_in(documents):
    with opened("sqlite://", FakeClock()) as engine:
        for document in json.loads(documents.read_text(encoding="utf-8")):
            engine.import_(document)
            assert engine.export(document["executions"][0]["id"]) == document


def test_what_is_written_now_is_what_the_corpus_tells_of():
    """The corpus holds the same as is made now, so that it is not forgotten when there is more to hold."""
    clock = FakeClock()
    with opened("sqlite://", clock) as engine:
        fill(engine)
        assert engine.count() == EXECUTIONS
        finish(engine, clock)
