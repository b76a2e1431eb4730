"""``@node`` and the class form: what a node type says of itself, and that it stays what it was."""

from __future__ import annotations

import inspect
from copy import deepcopy
from datetime import timedelta
from typing import Annotated, Any

import msgspec
import pytest

from prana_py.driver.outcome import Waiting
from prana_py.errors import UsageError
from prana_py.model.builder import WorkflowBuilder
from prana_py.model.retry import Retry
from prana_py.nodes.context import NodeContext
from prana_py.nodes.definition import node
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.nodes.returns import Output, wait_for_webhook
from tests.nodes.calls import left_by, outcome_of, resumed, value_of


class Point(msgspec.Struct):
    x: int
    y: int = 0


@node
def greet(name: str, times: Annotated[int, msgspec.Meta(ge=1)] = 1) -> str:
    """Says hello.

    More than once, if asked.
    """
    return f"Hello, {name}!" * times


def test_a_node_can_still_be_called_as_the_function_it_was():
    assert greet("Ada") == "Hello, Ada!"
    assert greet(name="Ada", times=2) == "Hello, Ada!Hello, Ada!"


def test_a_node_keeps_the_name_and_the_docstring_of_its_function():
    assert greet.__name__ == "greet"
    assert (greet.__doc__ or "").startswith("Says hello.")
    assert str(inspect.signature(greet)).startswith("(name:")


def test_a_node_travels_by_its_name_as_functions_do():
    assert deepcopy(greet) is greet


def test_the_type_is_the_functions_name_unless_said_otherwise():
    @node(type="tools.shout", name="Shout", aliases=("shout",), category="tools")
    def loud(text: str) -> str:
        return text.upper()

    assert greet.spec.type == "greet"
    assert (loud.spec.type, loud.spec.title, loud.spec.aliases) == ("tools.shout", "Shout", ("shout",))


def test_annotations_become_the_schema_of_the_parameters():
    assert greet.spec.params_schema == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "times": {"type": "integer", "minimum": 1, "default": 1}},
        "additionalProperties": False,
        "required": ["name"],
    }


def test_the_return_annotation_becomes_the_schema_of_the_output():
    @node
    def origin() -> Point:
        return Point(0)

    @node
    def choose() -> Output | Waiting:
        return Output(1)

    assert greet.spec.output_schema == {"type": "string"}
    assert (origin.spec.output_schema or {})["$ref"] == "#/$defs/Point"
    assert choose.spec.output_schema is None


def test_structures_in_parameters_are_described_in_the_schema():
    @node
    def plot(points: list[Point]) -> int:
        return len(points)

    schema = plot.spec.params_schema or {}
    assert schema["properties"]["points"] == {"type": "array", "items": {"$ref": "#/$defs/Point"}}
    assert list(schema["$defs"]) == ["Point"]


def test_the_first_paragraph_of_the_docstring_is_the_description():
    assert greet.spec.description == "Says hello."


def test_what_the_engine_hands_in_is_no_parameter():
    @node
    def seeing(ctx: NodeContext, input: Any, inputs: Any, anything: NodeContext, real: int = 0) -> None: ...

    assert list((seeing.spec.params_schema or {})["properties"]) == ["real"]


def test_options_reach_the_spec():
    @node(
        outputs=("yes", "no"),
        inputs=("a", "b"),
        retry=Retry(max_attempts=2),
        timeout=timedelta(seconds=5),
        on_resume=lambda data: data,
        prepare=lambda ctx: None,
        raw_params=("rule",),
    )
    async def ask(rule: str) -> Waiting:
        return wait_for_webhook()

    spec = ask.spec
    assert (spec.outputs, spec.inputs, spec.default_port) == (("yes", "no"), ("a", "b"), "yes")
    assert (spec.has_resume, spec.has_prepare, spec.is_async) == (True, True, True)
    assert (spec.retry, spec.timeout, spec.raw_params) == (Retry(max_attempts=2), timedelta(seconds=5), ("rule",))


def test_nothing_leads_into_a_trigger():
    @node(trigger=True)
    def begin(input: Any) -> Any:
        return input

    assert begin.spec.is_trigger
    assert begin.spec.inputs == ()


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="retries"):
        node(retries=3)(lambda: None)  # type: ignore[call-overload]  # the point


def test_ports_are_a_tuple_and_no_text():
    with pytest.raises(UsageError, match="outputs of node type 'f' is a tuple"):

        @node(outputs="yes")  # type: ignore[call-overload,untyped-decorator]  # the point
        def f() -> None: ...


def test_a_function_whose_parameters_have_no_names_is_refused():
    with pytest.raises(UsageError, match="'args' cannot be given by name"):

        @node
        def f(*args: int) -> None: ...


def test_a_generator_is_refused():
    with pytest.raises(UsageError, match="yields"):

        @node
        def f() -> Any:
            yield 1


def test_an_annotation_that_cannot_be_resolved_is_refused_with_its_name():
    with pytest.raises(UsageError, match="'Unknown'"):

        @node
        def f(x: Unknown) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the point


def test_a_class_is_no_function():
    with pytest.raises(UsageError, match="subclass NodeType"):
        node(Point)


def test_a_builder_takes_both_forms_by_value():
    flow = WorkflowBuilder("w")
    flow.add(greet, name="Ada")
    flow.add(Approval, question="?")
    flow.add(Approval("Bob"), question="?")

    assert [made.type for made in flow.build().nodes][1:] == ["greet", "approval", "approval"]


class Approval(NodeType, type="approval", outputs=("approved", "rejected")):
    """Asks somebody."""

    def __init__(self, who: str = "somebody") -> None:
        self.who = who

    def prepare(self, ctx: NodeContext) -> Any:
        return {"who": self.who}

    def execute(self, ctx: NodeContext, question: str) -> Waiting:
        return wait_for_webhook(context={"asked": question})

    def resume(self, data: Any, question: str) -> Output:
        return Output({self.who: question}, port="approved" if data["ok"] else "rejected")


def test_a_class_is_a_node_type_with_what_it_was_made_with():
    bob = Approval("Bob")

    assert isinstance(bob, AnyNode)
    assert bob.spec is Approval.spec
    assert (bob.spec.type, bob.spec.description, bob.spec.has_prepare) == ("approval", "Asks somebody.", True)
    assert isinstance(outcome_of(bob, params={"question": "Ship?"}), Waiting)
    assert left_by(bob, given=resumed({"ok": True}, params={"question": "Ship?"})) == ("approved", {"Bob": "Ship?"})
    assert value_of(bob, call="prepare", params={"question": "{{ $input }}"}) == {"who": "Bob"}


def test_a_class_without_execute_is_a_base_of_node_types():
    class Base(NodeType):
        def helper(self) -> int:
            return 1

    class Real(Base):
        async def execute(self) -> int:
            return self.helper()

    assert Real.spec.type == "Real"
    assert value_of(Real()) == 1
    with pytest.raises(UsageError, match="defines no execute"):
        _ = Base.spec


def test_the_function_for_the_resume_asks_by_name():
    def decide(answer: Any, question: str) -> Any:
        return {question: answer}

    @node(on_resume=decide)
    def ask(question: str) -> Waiting:
        return wait_for_webhook()

    assert value_of(ask, given=resumed("yes", params={"question": "Ship?"})) == {"Ship?": "yes"}


def test_a_function_for_the_resume_that_asks_for_the_unknown_is_refused():
    def decide(data: Any, unknown: Any) -> None: ...

    with pytest.raises(UsageError, match="'unknown'"):

        @node(on_resume=decide)
        def ask() -> None: ...
