"""The shortest way to run a workflow."""

from __future__ import annotations

from typing import Any

import pytest

from prana_py import UsageError, WorkflowBuilder, run


@pytest.mark.parametrize(
    "given", [WorkflowBuilder("unfinished"), {"id": "a document"}, None], ids=["builder", "document", "nothing"]
)
def test_what_is_no_workflow_is_refused_with_a_word_on_what_is(given: Any):
    with pytest.raises(UsageError, match=r"a builder's build\(\)") as caught:
        run(given)

    assert caught.value.code == "workflow_unusable"
