"""What templates must never do: reach the host, hang, or eat memory. The corpus is one attempt a line."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest

from prana_py.errors import TemplateError
from prana_py.expressions import Names, Template, compile_template
from prana_py.expressions.filters import FILTERS


class Touched(AssertionError):
    """The host's object was asked for something."""


class Host:
    """An object of the host that tells when anything of it is used."""

    secret: ClassVar[str] = "s3cret"

    def __getattr__(self, name: str) -> Any:
        raise Touched(name)

    def __getitem__(self, key: Any) -> Any:
        raise Touched(key)

    def __call__(self, *arguments: Any) -> Any:
        raise Touched("call")

    def __str__(self) -> str:
        raise Touched("str")

    def __repr__(self) -> str:
        raise Touched("repr")

    def __eq__(self, other: object) -> bool:
        raise Touched("==")

    def __hash__(self) -> int:
        raise Touched("hash")

    def __bool__(self) -> bool:
        raise Touched("bool")

    def __len__(self) -> int:
        raise Touched("len")

    def __iter__(self) -> Any:
        raise Touched("iter")

    def __lt__(self, other: object) -> bool:
        raise Touched("<")

    def __add__(self, other: object) -> Any:
        raise Touched("+")

    def __contains__(self, item: object) -> bool:
        raise Touched("in")


class OddDict(dict[str, Any]):
    """A map of the host whose own methods must not be called."""

    def __getitem__(self, key: str) -> Any:
        raise Touched(key)

    def get(self, key: str, default: Any = None) -> Any:
        raise Touched(key)

    def __missing__(self, key: str) -> Any:
        raise Touched(key)


def names() -> Names:
    return Names(
        {
            "host": Host(),
            "odd": OddDict(a=1),
            "f": lambda: "called",
            "text": "a" * 100_000,
            "list": list(range(100_000)),
            "huge": 10**5_000,
            "x": "x",
            "$input": {"host": Host(), "list": [Host()]},
        }
    )


# Attempts to reach what is behind a value. Each must be refused, or find nothing.
REACHING = r"""
{{ ''.__class__ }}
{{ ''.__class__.__mro__ }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__'] }}
{{ ''["__cl" + "ass__"] }}
{{ [].__class__.__base__ }}
{{ {}.__class__.__bases__[0] }}
{{ ().__class__ }}
{{ 1 .__class__ }}
{{ (1).__class__.__bases__ }}
{{ true.__class__ }}
{{ null.__class__ }}
{{ x.__class__ }}
{{ x.__init__.__globals__ }}
{{ x.__init__.__globals__.__builtins__ }}
{{ x["__init__"]["__globals__"] }}
{{ f.__globals__ }}
{{ f.__code__.co_consts }}
{{ f.__closure__ }}
{{ f() }}
{{ f }}x
{{ host }}x
{{ host.secret }}
{{ host['secret'] }}
{{ host.__dict__ }}
{{ host.__class__ }}
{{ host[0] }}
{{ host() }}
{{ host + 1 }}
{{ 1 + host }}
{{ 'a' + host }}
{{ host == 1 }}
{{ [host] == [1] }}
{{ {a: host} != {a: 1} }}
{{ host < 1 }}
{{ host in [1] }}
{{ 1 in host }}
{{ 'a' in host }}
{{ not host }}
{{ host and 1 }}
{{ host && 1 }}
{{ host ? 1 : 2 }}
{{ -host }}
{{ list[host] }}
{{ $input[host] }}
{{ {host: 1} }}
{{ host | length }}
{{ host | first }}
{{ host | text }}
{{ host | json }}
{{ [host] | json }}
{{ host | upper }}
{{ [host] | join }}
{{ [host, 1] | sort }}
{{ [host, host] | uniq | length }}
{{ [host] | contains(1) }}
{{ [[host]] | flatten | length }}
{{ [{a: host}] | group_by('a') }}
{{ [{a: host}] | filter('a', 1) }}
{{ [{a: host}] | reject('a', 1) | length }}
{{ host | default(1) | length }}
{{ $input.list | map('secret') }}
{{ $input.host.secret }}
{{ $input | json }}
{{ odd.b }}
{{ odd['a'] }}
{{ odd | json }}
{{ odd == {a: 1} }}
{{ odd.get }}
{{ odd.keys }}
{{ odd.items() }}
{{ $input.keys() }}
{{ $input.pop('host') }}
{{ $input.__class__ }}
{{ x.format(1) }}
{{ '{0.__class__}'.format(1) }}
{{ '{0.__class__}' | format }}
{{ '%s' % host }}
{{ '%(a)s' % {a: 1} }}
{{ x | attr('__class__') }}
{{ x | map('__class__') }}
{{ [x] | map('__class__') }}
{{ [x] | map('upper') }}
{{ [[1]] | map('append') }}
{{ x|attr("\x5f\x5fclass\x5f\x5f") }}
{{ lipsum.__globals__ }}
{{ cycler.__init__ }}
{{ joiner.__init__ }}
{{ namespace.__init__ }}
{{ request.application }}
{{ config.items() }}
{{ self._TemplateReference__context }}
{{ self }}
{{ get_flashed_messages.__globals__ }}
{{ url_for.__globals__ }}
{{ range(10) }}
{{ dict(a=1) }}
{{ open('/etc/passwd') }}
{{ __import__('os') }}
{{ __builtins__ }}
{{ import os }}
{{ eval('1') }}
{{ exec('1') }}
{{ globals() }}
{{ lambda: 1 }}
{{ (lambda: 1)() }}
{{ [a for a in x] }}
{{ x := 1 }}
{{ x; y }}
{{ `id` }}
{{ ${7*7} }}
{{ #{7*7} }}
{{ <%= 7*7 %> }}
{{ @x }}
{{ x\n__import__('os') }}
{{ "\");__import__('os').system('id')#" }}
{{ '");__import__(\'os\').system(\'id\')#' | upper }}
{{ x['");__import__("os")#'] }}
{{ $__class__ }}
{{ $input.__proto__ }}
{{ $input.constructor }}
{{ resume_url.__class__ }}
{{ resume_url('a') }}
{% include '/etc/passwd' %}
{% import 'os' as os %}
{% from 'os' import system %}
{% extends 'a' %}
{% macro a() %}{% endmacro %}
{% call a() %}{% endcall %}
{% set x.y = 1 %}
{% set $input = 1 %}
{% set x = f() %}
{% for a in host %}{% endfor %}
{% for a in f %}{% endfor %}
{% for a in text.__class__ %}{{ a }}{% endfor %}
{% if host.secret %}s3cret{% endif %}
{% if host %}{% endif %}
{% raw %}{{ x }}{% endraw %}
{% block a %}{% endblock %}
{% debug %}
{% do x.append(1) %}
{% while true %}{% endwhile %}
{% python %}import os{% endpython %}
""".strip().splitlines()

# Attempts to use more than there is. Each must end soon, whatever it gives.
EXHAUSTING = [
    "{{ 9 | power(99999999) }}",
    "{{ 9.0 | power(1e308) }}",
    "{{ 9 * 9" + " * 999999999" * 5_000 + " }}",
    "{{ huge }}x",
    "{{ huge * huge }}",
    "{{ huge / 3 }}",
    "{{ huge | power(2) }}",
    "{{ huge | sqrt }}",
    "{{ huge + 1.5 }}",
    "{{ huge == 1.5 }}",
    "{{ huge | json }}",
    "{{ huge | seconds }}",
    "{{ 9" + "9" * 5_000 + " }}",
    "{{ 1e99999999 }}",
    "{{ [1] * 999999999 }}",
    "{{ 'a' * 999999999 }}",
    "{{ 'a' | repeat(999999999) }}",
    "{{ x | center(999999999) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 'a' | truncate(99999999999) | length }}",
    "{{ list | join(text) }}",
    "{{ text | replace('a', text) }}",
    "{{ text | replace_pattern('a', '$0$0$0$0$0$0$0$0$0$0') | replace_pattern('a+', '$0$0$0') | length }}",
    "{{ text | replace_pattern('^a*$', '$0" + "$0" * 500 + "') }}",
    "{{ text | matches('(a+)+$x') }}",
    "{{ text | matches('(a|aa)+$x') }}",
    "{{ text | matches('(a|a)*b') }}",
    "{{ text | matches('a*a*a*a*a*a*b') }}",
    "{{ text | matches('(.*)(.*)(.*)(.*)(.*)[^a]') }}",
    "{{ text | matches('^(([a-z])+.)+[A-Z]([a-z])+$') }}",
    "{{ text | matches('(x+x+)+y') }}",
    "{{ text | find_all('a*?b|a') | length }}",
    "{{ text | find_all('a.*b|a') | length }}",
    "{{ x | matches('((((a{999}){999}){999}){999})') }}",
    "{{ x | matches('(?:(?:(?:){9999}){9999}){9999}') }}",
    "{{ x | matches('(((){9999}){9999}){9999}') }}",
    "{{ x | matches('" + "(" * 200 + "a" + ")" * 200 + "') }}",
    "{{ x | matches('(?=a)') }}",
    "{{ x | matches('(a)\\1') }}",
    "{{ x | matches('(?P<a>a)') }}",
    "{{ x | matches(text) }}",
    "{{ '1' | parse_date('" + "%d" * 90 + "') }}",
    "{{ text | parse_date }}",
    "{{ text | duration }}",
    "{{ text | number }}",
    "{{ 99999999999999 | days }}",
    "{{ 1e308 | parse_date }}",
    "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "{{ " + "[" * 20_000 + "]" * 20_000 + " }}",
    "{{ " + "{a:" * 10_000 + "1" + "}" * 10_000 + " }}",
    "{{ " + "not " * 20_000 + "1 }}",
    "{{ " + "-" * 20_000 + "1 }}",
    "{{ " + "!" * 20_000 + "1 }}",
    "{{ " + "1 ? " * 10_000 + "1" + " : 1" * 10_000 + " }}",
    "{{ " + "1 if 1 else " * 8_000 + "1 }}",
    "{{ " + "upper(" * 10_000 + "1" + ")" * 10_000 + " }}",
    "{{ " + "x[" * 20_000 + "1" + "]" * 20_000 + " }}",
    "{{ 1" + " + 1" * 20_000 + " }}",
    "{{ 1" + " and 1" * 10_000 + " }}",
    "{{ 1" + " < 2" * 10_000 + " }}",
    "{{ 1" + " == 1" * 10_000 + " }}",
    "{{ x" + "|upper" * 10_000 + " }}",
    "{{ x" + ".a" * 40_000 + " }}",
    "{{ x" + "[0]" * 30_000 + " }}",
    "{{ text" + "|upper" * 10_000 + " }}",
    "{{ list" + "|sort" * 10_000 + " }}",
    "{{ list" + "|reverse" * 10_000 + " }}",
    "{{ [" + "list|sum," * 10_000 + "] }}",
    "{{ [" + "list," * 15_000 + "] }}",
    "{{ [" + "list==list," * 5_000 + "] }}",
    "{{ [" + "5 in list," * 5_000 + "] }}",
    "{{ [" + "text|matches('b')," * 4_000 + "] }}",
    "{{ " + "text + " * 10_000 + "'' }}",
    "{{ text }}" * 9_000,
    "{{ list }}" * 9_000,
    "{% for a in list %}{% for b in list %}{% for c in list %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in list %}{% for b in list %}{% endfor %}{% endfor %}",
    "{% for a in list %}{{ text }}{% endfor %}",
    "{% for a in list %}{{ list | sum }}{% endfor %}",
    "{% for a in list %}{% if list == list %}{% endif %}{% endfor %}",
    "{% for a in list %}{% set x = x + text %}{% endfor %}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 50 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 50 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 50 + "{{ a == a }}{{ [a] == [[a]] }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 50 + "{{ a | flatten | length }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 50 + "{{ [a, [a]] | uniq | length }}",
    "{% set a = {} %}" + "{% set a = {a: a, b: a} %}" * 50 + "{{ a | json | length }}",
    "{% set a = 2 %}" + "{% set a = a * a %}" * 50 + "{{ a }}",
    "{% if 1 %}" * 8_000 + "{% endif %}" * 1_000,
    "{% for a in list %}" * 3_000,
    "{% if 0 %}" + "{% elsif 0 %}" * 7_000 + "{% endif %}",
    "{% set a = 1 %}" * 6_000,
    "{{" * 40_000,
    "{{ '" * 20_000,
    "{#" * 40_000,
    "{{ " + "'\\" * 40_000,
    "x" * 100_001 + "{{ x }}",
    "é" * 50_001 + "{{ x }}",
]


def outcome(source: str) -> Any:
    """What the template gives; ``TemplateError`` when it is refused."""
    try:
        template = compile_template(source)
        return template.evaluate(names()) if isinstance(template, Template) else template
    except TemplateError:
        return TemplateError


def test_the_corpus_is_large_enough() -> None:
    assert len(set(REACHING)) >= 120
    assert len(EXHAUSTING) >= 80


@pytest.mark.parametrize("source", REACHING)
def test_nothing_of_the_host_is_reached(source: str) -> None:
    value = outcome(source)

    assert value is TemplateError or "s3cret" not in ascii_of(value)
    assert value is TemplateError or all(mark not in ascii_of(value) for mark in ("<class", "<function", "0x", "root:"))


def ascii_of(value: Any) -> str:
    return "a host object" if isinstance(value, Host) else ascii(value)


@pytest.mark.parametrize(
    "source", EXHAUSTING, ids=[f"{index}-{source[:30]}" for index, source in enumerate(EXHAUSTING)]
)
def test_nothing_takes_long(source: str) -> None:
    started = time.process_time()

    outcome(source)

    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_no_filter_touches_an_object_of_the_host(name: str) -> None:
    known = FILTERS[name]
    for count in range(known.required, len(known.parameters) + 1):
        arguments = ", ".join(["host"] * count)
        for subject in ("host", "[host]", "{a: host}", "'a'", "5", "[5, host]", "[{a: host}]"):
            value = outcome("{{ " + f"{subject} | {name}({arguments})" + " }}")
            assert value is TemplateError or not isinstance(value, str) or "s3cret" not in value


def test_data_that_is_nested_too_deeply_or_in_circles_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    again: list[Any] = []
    again.append(again)

    for source in ("{{ v }}x", "{{ v == w }}", "{{ v | flatten }}", "{{ [v, w] | uniq }}", "{{ v | json }}"):
        template = compile_template(source)
        assert isinstance(template, Template)
        for value, other in ((deep, [deep]), (circle, again)):
            with pytest.raises(TemplateError) as caught:
                template.evaluate(Names({"v": value, "w": other}))
            assert caught.value.code == "template_limit"
    while deep:
        deep = deep.pop()
