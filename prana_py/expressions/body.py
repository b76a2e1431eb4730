"""From the statements of a template to functions that write its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from prana_py.expressions import limits
from prana_py.expressions.compiler import FAULTS, Compiler
from prana_py.expressions.evaluation import Compute, Evaluation, weight
from prana_py.expressions.fault import Fault, LimitFault
from prana_py.expressions.names import MISSING
from prana_py.expressions.plain import outward, text, type_name
from prana_py.expressions.syntax import Assignment, Body, Conditional, Loop, Output, Statement, Text
from prana_py.expressions.truth import loosely_true

Write: TypeAlias = Callable[[Evaluation, list[str]], None]
"""A compiled statement: adds its text to the list."""

_CHARACTERS_A_STEP: Final = limits.CHARACTERS // limits.STEPS


def text_of_outputs(compiler: Compiler, body: Body) -> Compute:
    """The text of a template that has no tags."""
    parts = tuple(
        _constant(statement.text) if isinstance(statement, Text) else compiler.compute(statement.value)
        for statement in body
        if isinstance(statement, (Text, Output))
    )
    positions = tuple(statement.position for statement in body)

    def compute(names: Any) -> str:
        written: list[str] = []
        for part in parts:
            value = part(names)
            try:
                written.append(value if type(value) is str else text(value))
            except FAULTS as fault:
                raise compiler.error(fault, positions[len(written)]) from fault
        whole = "".join(written)
        if len(whole) > limits.CHARACTERS:
            raise compiler.error(LimitFault(f"the text has more than {limits.CHARACTERS:,} characters"), 0)
        return whole

    return compute


def text_of_body(compiler: Compiler, body: Body) -> Compute:
    """The text of a template with tags; its steps are counted."""
    write = _body(compiler, body)

    def compute(names: Any) -> str:
        written: list[str] = []
        write(names, written)
        return "".join(written)

    return compute


def _constant(value: str) -> Compute:
    return lambda _names: value


def _body(compiler: Compiler, body: Body) -> Write:
    writes = tuple(_WRITERS[type(statement)](compiler, statement) for statement in body)

    def write(names: Evaluation, written: list[str]) -> None:
        for write_one in writes:
            write_one(names, written)

    return write


def _text(compiler: Compiler, statement: Text) -> Write:
    return _writing(compiler, statement, _constant(statement.text))


def _output(compiler: Compiler, statement: Output) -> Write:
    return _writing(compiler, statement, compiler.weighed(statement.value))


def _writing(compiler: Compiler, statement: Statement, compute: Compute) -> Write:
    def write(names: Evaluation, written: list[str]) -> None:
        try:
            shown = text(compute(names))
            names.spend(len(shown) // _CHARACTERS_A_STEP + 1)
        except FAULTS as fault:
            raise compiler.error(fault, statement.position) from fault
        written.append(shown)

    return write


def _assignment(compiler: Compiler, statement: Assignment) -> Write:
    compute, name = compiler.compute(statement.value), statement.name

    def write(names: Evaluation, _written: list[str]) -> None:
        names[name] = outward(compute(names))

    return write


def _conditional(compiler: Compiler, statement: Conditional) -> Write:
    branches = tuple(
        (None if branch.condition is None else compiler.compute(branch.condition), _body(compiler, branch.body))
        for branch in statement.branches
    )

    def write(names: Evaluation, written: list[str]) -> None:
        for condition, write_body in branches:
            if condition is None or loosely_true(condition(names)):
                write_body(names, written)
                return

    return write


def _loop(compiler: Compiler, statement: Loop) -> Write:
    own = (statement.name, "forloop")
    items = compiler.compute(statement.items)
    write_body: Write = compiler.with_own(own, lambda: _body(compiler, statement.body))

    def write(names: Evaluation, written: list[str]) -> None:
        before = {name: dict.get(names, name, MISSING) for name in own}
        parent = outward(before["forloop"])
        try:
            found = _items(outward(items(names)))
            for index, item in enumerate(found):
                names.spend(1)
                names[statement.name] = item
                names["forloop"] = _forloop(index, len(found), parent)
                write_body(names, written)
        except FAULTS as fault:
            raise compiler.error(fault, statement.position) from fault
        _restore(names, before)

    return write


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return value
    raise Fault(f"a loop goes over a list, not {type_name(value)}")


def _forloop(index: int, length: int, parent: Any) -> dict[str, Any]:
    return {
        "index": index,
        "rindex": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
        "parentloop": parent,
    }


def _restore(names: Evaluation, before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is MISSING:
            names.pop(name, None)
        else:
            names[name] = value


def bounded_value(compiler: Compiler, compute: Compute) -> Compute:
    """The value of a long expression, which may hold the same thing many times over, within the bounds of a text."""

    def bounded(names: Any) -> Any:
        value = compute(names)
        try:
            names.spend(weight(value))
        except FAULTS as fault:
            raise compiler.error(fault, 0) from fault
        return value

    return bounded


_WRITERS: Final[dict[type[Any], Callable[[Compiler, Any], Write]]] = {
    Text: _text,
    Output: _output,
    Assignment: _assignment,
    Conditional: _conditional,
    Loop: _loop,
}
