"""From the parameters of a node, a tree with templates in it, to a function that fills the tree in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prana_py.errors import Problem, TemplateError
from prana_py.expressions import limits
from prana_py.expressions.build import template_from
from prana_py.expressions.compiled import Params, TemplateProblems, has_template
from prana_py.expressions.directives import DIRECTIVES, OWN_NAMES, Directive
from prana_py.expressions.evaluation import Compute, Evaluation
from prana_py.expressions.fault import Fault
from prana_py.expressions.names import Names


def params_from(params: Mapping[str, Any], *, strict: bool) -> Params:
    """The compiled parameters, or all problems of their templates at once."""
    source = params if isinstance(params, dict) else dict(params)
    builder = _ParamsBuilder(strict=strict)
    try:
        whole = builder.directive(source, "", 0)
        fields = {} if whole else builder.templated_items(source.items(), "", 0)
    except RecursionError:
        builder.problem("", TemplateError("the params are nested too deeply", code="template_limit"))
        whole, fields = None, {}
    if builder.problems:
        raise TemplateProblems(builder.problems, subject="params")
    if not whole and not fields:
        return Params(source=source)
    return Params(
        source=source,
        templated=frozenset(source if whole else fields),
        paths=frozenset(builder.paths),
        renderer=_whole_map(whole) if whole else _filled(source, tuple(fields.items())),
    )


class _ParamsBuilder:
    """Goes through the tree once, gathering problems and the paths that can be looked up."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.problems: list[Problem] = []
        self.paths: set[tuple[str, ...]] = set()
        self.inside_directives = 0

    def render(self, value: Any, place: str, depth: int) -> Compute | None:
        """What fills the value in, or nothing when it has no template in it."""
        if isinstance(value, str):
            return self._text(value, place)
        if depth > limits.PARAMS_NESTING:
            message = f"the params are nested more than {limits.PARAMS_NESTING} deep"
            self.problem(place, TemplateError(message, code="template_limit"))
            return None
        if isinstance(value, dict):
            return self.directive(value, place, depth) or self._map(value, place, depth)
        if isinstance(value, list):
            items = self.templated_items(enumerate(value), place, depth)
            return _filled(value, tuple(items.items())) if items else None
        return None

    def always(self, value: Any, place: str, depth: int) -> Compute:
        """What fills the value in, also when that is the value itself."""
        return self.render(value, place, depth) or (lambda _names: value)

    def templated_items(self, items: Iterable[tuple[Any, Any]], place: str, depth: int) -> dict[Any, Compute]:
        """The items of a map or list that hold a template, each with what fills it in."""
        rendered = ((key, self.render(item, _inside(place, key), depth + 1)) for key, item in items)
        return {key: render for key, render in rendered if render is not None}

    def directive(self, value: dict[str, Any], place: str, depth: int) -> Compute | None:
        """What carries out the directive that the map is, if it is one."""
        for name, directive in DIRECTIVES.items():
            arguments = value.get(name)
            if directive.takes(arguments):
                return self._carried_out(name, directive, arguments, _inside(place, name), depth + 1)
        return None

    def problem(self, place: str, error: TemplateError) -> None:
        """Note what is wrong with the template at a place."""
        self.problems.append(Problem(code=error.code, message=error.message, place=place, position=error.position))

    def _text(self, source: str, place: str) -> Compute | None:
        if not has_template(source):
            return None
        try:
            template = template_from(source, strict=self.strict)
        except TemplateError as error:
            self.problem(place, error)
            return None
        own = OWN_NAMES if self.inside_directives else frozenset()
        self.paths.update(path for path in template.paths if path[0] not in own)
        return template.evaluate

    def _map(self, value: dict[str, Any], place: str, depth: int) -> Compute | None:
        items = self.templated_items(value.items(), place, depth)
        return _filled(value, tuple(items.items())) if items else None

    def _carried_out(self, name: str, directive: Directive, arguments: Any, place: str, depth: int) -> Compute:
        self.inside_directives += 1
        compute = directive.build(
            arguments, lambda value, *path: self.always(value, _at(place, path), depth + len(path))
        )
        self.inside_directives -= 1

        def carried_out(names: Names) -> Any:
            try:
                return compute(Evaluation(names))
            except Fault as fault:
                raise TemplateError(f"{fault.message} (in {place})", code=fault.code, template=name) from fault

        return carried_out


def _filled(source: Any, items: tuple[tuple[Any, Compute], ...]) -> Compute:
    """A copy of a map or list with these of its items filled in; the others are shared."""

    def fill(names: Any) -> Any:
        filled = source.copy()
        for place, render in items:
            filled[place] = render(names)
        return filled

    return fill


def _whole_map(compute: Compute) -> Compute:
    """All parameters come out of one directive, so that must give a map."""

    def whole(names: Any) -> dict[str, Any]:
        params = compute(names)
        if not isinstance(params, dict):
            raise TemplateError("the directive that makes the params does not give a map", code="template_failed")
        return params

    return whole


def _inside(place: str, key: Any) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if place else str(key)


def _at(place: str, path: tuple[int, ...]) -> str:
    return place + "".join(f"[{index}]" for index in path)
