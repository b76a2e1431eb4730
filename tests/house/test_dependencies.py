"""The package needs what it says that it needs, and nothing else."""

from __future__ import annotations

import re
import sys
import tomllib

import grimp

from tests.house.sources import TOP

IMPORT_NAMES = {"psycopg-pool": "psycopg_pool", "pyyaml": "yaml"}

CHECKS_ONLY = {"test", "all"}


def test_every_declared_library_is_imported_and_every_imported_one_is_declared():
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [needs for extra, needs in project["optional-dependencies"].items() if extra not in CHECKS_ONLY]
    declared = {_import_name(need) for needs in (project["dependencies"], *extras) for need in needs}

    graph = grimp.build_graph("prana_py", include_external_packages=True, cache_dir=None)
    imported = {name for name in graph.modules if not name.startswith("prana_py")} - sys.stdlib_module_names

    assert imported == declared


def _import_name(requirement: str) -> str:
    name = re.split(r"[\[<>=~!; ]", requirement, maxsplit=1)[0].lower()
    return IMPORT_NAMES.get(name, name)
