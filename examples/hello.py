"""The smallest workflow: one node, one expression."""

from __future__ import annotations

from prana_py import WorkflowBuilder, node, run


@node
def greet(name: str) -> str:
    """Greet somebody by name."""
    return f"Hello, {name}!"


flow = WorkflowBuilder("hello")
flow.add(greet, name="{{ $input.name | default('world') }}")
workflow = flow.build()

if __name__ == "__main__":
    print(run(workflow, {"name": "Ada"}, nodes=[greet]).output)
