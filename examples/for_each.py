"""A loop over a list: each item runs in a scope of its own, two at a time, and one that fails spoils nothing."""

from __future__ import annotations

from prana_py import LocalRuntime, WorkflowBuilder, node


@node
def thumbnail(name: str) -> str:
    """Make a small picture of a large one."""
    if not name.endswith(".jpg"):
        raise ValueError(f"{name} is no picture")
    return f"small-{name}"


@node
def album(pictures: list[str]) -> str:
    """One page with all pictures."""
    return f"an album of {', '.join(pictures)}"


flow = WorkflowBuilder("album")
each = flow.add("core.for_each", "each", items="{{ $input }}", max_concurrency=2, on_item_error="skip")
each.then(flow.add(thumbnail, name="{{ $input }}"), port="loop")
each.then(flow.add(album, pictures="{{ $input }}"), port="done")
workflow = flow.build()

if __name__ == "__main__":
    runtime = LocalRuntime([thumbnail, album], max_concurrency=2)
    execution = runtime.execute(workflow, ["sea.jpg", "notes.txt", "hill.jpg"])
    print(execution.output)
    for run in sorted(execution.node_executions["thumbnail"], key=lambda run: run.scope):
        owner, _, item = run.scope[-1]
        print(f"{owner}[{item}] {run.status}: {run.output if run.error is None else run.error.message}")
