"""From the syntax tree of an expression to nested functions: no code is generated, so none can be injected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from prana_py.errors import TemplateError
from prana_py.expressions.evaluation import Compute, weight
from prana_py.expressions.fault import Fault, located
from prana_py.expressions.filters import FILTERS
from prana_py.expressions.look_up import Key, constant_path, look_up
from prana_py.expressions.names import MISSING, Lookup
from prana_py.expressions.operators import OPERATORS, negate
from prana_py.expressions.plain import outward
from prana_py.expressions.syntax import (
    Access,
    Chain,
    Choice,
    Comparison,
    Defined,
    Expression,
    FilterCall,
    FunctionCall,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Operation,
    Pipe,
    Prefix,
)
from prana_py.expressions.truth import loosely_true, strictly_true

FAULTS: Final = (Fault, ArithmeticError, ValueError, TypeError)
"""Faults of our own, and what Python's arithmetic and text functions raise for values that are out of range."""

Stage: TypeAlias = Callable[[Any, Any], Any]
"""One filter with its arguments compiled: from a value and the names to a value."""

_LENIENT_FILTERS: Final = frozenset({"default"})
_UNWEIGHED_FILTERS: Final = frozenset({"default", "first", "last", "length"})


class Compiler:
    """Compiles the expressions of one template."""

    def __init__(self, source: str, *, strict: bool, metered: bool) -> None:
        self.source = source
        self.strict = strict
        self.metered = metered
        self.paths: set[tuple[str, ...]] = set()
        self._own_names: list[str] = []

    def compute(self, expression: Expression) -> Compute:
        """The function that evaluates an expression."""
        return _COMPILERS[type(expression)](self, expression)

    def weighed(self, expression: Expression) -> Compute:
        """The same, and when steps are counted, going through the value counts."""
        compute = self.compute(expression)
        if not self.metered:
            return compute

        def weighed(names: Any) -> Any:
            value = compute(names)
            names.spend(weight(value))
            return value

        return weighed

    def lenient(self, expression: Expression) -> Compute:
        """The same, where a missing value is expected and so never an error."""
        strict, self.strict = self.strict, False
        compute = self.compute(expression)
        self.strict = strict
        return compute

    def with_own(self, names: tuple[str, ...], compile_body: Callable[[], Any]) -> Any:
        """Compile something in which these names are the template's own, not looked up outside."""
        self._own_names.extend(names)
        body = compile_body()
        del self._own_names[len(self._own_names) - len(names) :]
        return body

    def error(self, error: Exception, position: int) -> TemplateError:
        """What went wrong, with its place in the template."""
        fault = error if isinstance(error, Fault) else Fault(f"this cannot be computed: {error}")
        return located(fault, position, self.source)

    def record(self, root: str, keys: tuple[Key, ...]) -> None:
        """Remember what can be looked up outside."""
        if root not in self._own_names:
            self.paths.add((root, *map(str, keys)))

    def refuse_missing(self, compute: Compute, shown: str, position: int) -> Compute:
        """In strict mode, the function with an error in the place of a missing value."""
        if not self.strict:
            return compute

        def refused(names: Any) -> Any:
            value = compute(names)
            if value is MISSING:
                raise self.error(Fault(f"{shown} is missing"), position)
            return value

        return refused


def _literal(_compiler: Compiler, node: Literal) -> Compute:
    value = node.value
    return lambda _names: value


def _name(compiler: Compiler, node: Name) -> Compute:
    compiler.record(node.name, ())
    return compiler.refuse_missing(constant_path(node.name, ()), node.name, node.position)


def _access(compiler: Compiler, node: Access) -> Compute:
    root = node.base.name if isinstance(node.base, Name) else None
    keys = _leading_keys(node) if root is not None else ()
    if root is not None:
        compiler.record(root, keys)
        base = constant_path(root, keys)
    else:
        base = compiler.compute(node.base)
    dynamic = tuple(compiler.compute(key.value) for key in node.keys[len(keys) :])
    compute = _steps(compiler, base, dynamic, node.position) if dynamic else base
    if any(key.safe for key in node.keys):
        return compute
    shown = ".".join([root or "the value", *map(str, keys), *("[…]" for _ in dynamic)])
    return compiler.refuse_missing(compute, shown, node.position)


def _leading_keys(node: Access) -> tuple[Key, ...]:
    keys: list[Key] = []
    for key in node.keys:
        if not isinstance(key.value, Literal) or not _is_constant_key(key.value.value):
            break
        keys.append(key.value.value)
    return tuple(keys)


def _is_constant_key(value: Any) -> bool:
    return type(value) is str or (type(value) is int and value >= 0)


def _steps(compiler: Compiler, base: Compute, keys: tuple[Compute, ...], position: int) -> Compute:
    def steps(names: Any) -> Any:
        value = base(names)
        try:
            for key in keys:
                value = look_up(value, key(names))
        except FAULTS as fault:
            raise compiler.error(fault, position) from fault
        return value

    return steps


def _list(compiler: Compiler, node: ListLiteral) -> Compute:
    items = tuple(compiler.compute(item) for item in node.items)
    return lambda names: [outward(item(names)) for item in items]


def _map(compiler: Compiler, node: MapLiteral) -> Compute:
    items = tuple((compiler.compute(key), compiler.compute(value)) for key, value in node.items)

    def compute(names: Any) -> Any:
        return {_map_key(key(names), compiler, node): outward(value(names)) for key, value in items}

    return compute


def _map_key(key: Any, compiler: Compiler, node: MapLiteral) -> str:
    if isinstance(key, str):
        return key
    if type(key) is int:
        return str(key)
    raise compiler.error(Fault("the keys of a map must be text"), node.position)


def _pipe(compiler: Compiler, node: Pipe) -> Compute:
    lenient = node.filters[0].name in _LENIENT_FILTERS
    subject = compiler.lenient(node.subject) if lenient else compiler.compute(node.subject)
    stages = tuple(_stage(compiler, call) for call in node.filters)
    first = node.filters[0]
    if len(stages) == 1 and not first.arguments and not first.keywords and not compiler.metered:
        return _bare_filter(compiler, subject, first)

    def pipe(names: Any) -> Any:
        value = subject(names)
        for stage in stages:
            value = stage(value, names)
        return value

    return pipe


def _bare_filter(compiler: Compiler, subject: Compute, call: FilterCall) -> Compute:
    """The common case: one filter without arguments."""
    function, position = FILTERS[call.name].function, call.position

    def compute(names: Any) -> Any:
        try:
            return function(subject(names))
        except FAULTS as fault:
            raise compiler.error(fault, position) from fault

    return compute


def _stage(compiler: Compiler, call: FilterCall) -> Stage:
    known = FILTERS[call.name]
    function, cost, position = known.function, known.cost, call.position
    weighs = compiler.metered and call.name not in _UNWEIGHED_FILTERS
    computes = tuple(compiler.compute(argument) for argument in call.arguments)
    keyword_computes = tuple((name, compiler.compute(value)) for name, value in call.keywords)

    def stage(value: Any, names: Any) -> Any:
        try:
            arguments = [outward(compute(names)) for compute in computes]
            keywords = {name: outward(compute(names)) for name, compute in keyword_computes}
            if weighs:
                names.spend(weight(value) + weight(arguments) + (cost(value, *arguments, **keywords) if cost else 0))
            result = function(value, *arguments, **keywords)
            if weighs:
                names.spend(weight(result))
            return result
        except FAULTS as fault:
            raise compiler.error(fault, position) from fault

    return stage


def _function_call(compiler: Compiler, node: FunctionCall) -> Compute:
    name, argument, position = node.name, compiler.compute(node.argument), node.position
    compiler.record(name, ())

    def call(names: Any) -> Any:
        answering = names[name]
        if not isinstance(answering, Lookup):
            raise compiler.error(Fault(f"{name}() is not available here"), position)
        try:
            return look_up(answering, argument(names))
        except FAULTS as fault:
            raise compiler.error(fault, position) from fault

    return call


def _prefix(compiler: Compiler, node: Prefix) -> Compute:
    operand = compiler.compute(node.operand)
    if node.sign == "not":
        return lambda names: not loosely_true(operand(names))
    if node.sign == "!":
        return lambda names: not strictly_true(operand(names))

    def negated(names: Any) -> Any:
        try:
            return negate(operand(names))
        except FAULTS as fault:
            raise compiler.error(fault, node.position) from fault

    return negated


def _chain(compiler: Compiler, node: Chain) -> Compute:
    first = compiler.weighed(node.first)
    rest = _operations(compiler, node.rest)
    if len(rest) == 1:
        return _operation(compiler, first, *rest[0])

    def chain(names: Any) -> Any:
        value = first(names)
        for operate, operand, position in rest:
            try:
                value = operate(value, operand(names))
            except FAULTS as fault:
                raise compiler.error(fault, position) from fault
        return value

    return chain


def _comparison(compiler: Compiler, node: Comparison) -> Compute:
    first = compiler.weighed(node.first)
    rest = _operations(compiler, node.rest)
    if len(rest) == 1:
        return _operation(compiler, first, *rest[0])

    def compare(names: Any) -> Any:
        left = first(names)
        for operate, operand, position in rest:
            right = operand(names)
            try:
                if not operate(left, right):
                    return False
            except FAULTS as fault:
                raise compiler.error(fault, position) from fault
            left = right
        return True

    return compare


def _operations(
    compiler: Compiler, rest: tuple[Operation, ...]
) -> tuple[tuple[Callable[[Any, Any], Any], Compute, int], ...]:
    return tuple((OPERATORS[item.sign], compiler.weighed(item.operand), item.position) for item in rest)


def _operation(
    compiler: Compiler, left: Compute, operate: Callable[[Any, Any], Any], right: Compute, position: int
) -> Compute:
    def operation(names: Any) -> Any:
        try:
            return operate(left(names), right(names))
        except FAULTS as fault:
            raise compiler.error(fault, position) from fault

    return operation


def _logic(compiler: Compiler, node: Logic) -> Compute:
    first = compiler.compute(node.first)
    rest = tuple((_LOGIC[item.sign], compiler.compute(item.operand)) for item in node.rest)

    def logic(names: Any) -> Any:
        value = first(names)
        for combine, operand in rest:
            value = combine(value, operand, names)
        return value

    return logic


def _loose_and(value: Any, operand: Compute, names: Any) -> Any:
    return operand(names) if loosely_true(value) else False


def _loose_or(value: Any, operand: Compute, names: Any) -> Any:
    return True if loosely_true(value) else loosely_true(operand(names))


def _strict_and(value: Any, operand: Compute, names: Any) -> Any:
    return operand(names) if strictly_true(value) else value


def _strict_or(value: Any, operand: Compute, names: Any) -> Any:
    return value if strictly_true(value) else operand(names)


_LOGIC: Final = {"and": _loose_and, "or": _loose_or, "&&": _strict_and, "||": _strict_or}


def _defined(compiler: Compiler, node: Defined) -> Compute:
    operand, negated = compiler.lenient(node.operand), node.negated
    return lambda names: (operand(names) is MISSING) is negated


def _choice(compiler: Compiler, node: Choice) -> Compute:
    condition, yes, no = compiler.compute(node.condition), compiler.compute(node.yes), compiler.compute(node.no)
    return lambda names: yes(names) if loosely_true(condition(names)) else no(names)


_COMPILERS: Final[dict[type[Any], Callable[[Compiler, Any], Compute]]] = {
    Literal: _literal,
    Name: _name,
    Access: _access,
    ListLiteral: _list,
    MapLiteral: _map,
    Pipe: _pipe,
    FunctionCall: _function_call,
    Prefix: _prefix,
    Chain: _chain,
    Comparison: _comparison,
    Logic: _logic,
    Defined: _defined,
    Choice: _choice,
}
