"""Python modules that people name, by name or by file, and the things in them."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, Final

from prana_py.cli.files import must_be_readable
from prana_py.errors import NotFoundError, PranaError, UsageError, nearest


def named_module(name: str) -> ModuleType:
    """The module of this dotted name, or of this ``.py`` file; its own code runs, whatever that raises is told."""
    try:
        return _from_file(Path(name)) if name.endswith(".py") else _imported(name)
    except PranaError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFoundError(
                f"there is no module {name!r} here; is it in this directory, or installed?", code="module_not_found"
            ) from error
        raise broken(name, error) from error
    except (Exception, SystemExit) as error:  # the module's own code
        raise broken(name, error) from error


def named_object(module: ModuleType, path: str) -> Any:
    """What a dotted path in a module leads to."""
    found: Any = module
    for name in path.split("."):
        if not hasattr(found, name):
            public = [other for other in vars(found) if not other.startswith("_")] if hasattr(found, "__dict__") else []
            raise NotFoundError(f"{module.__name__} has no {path!r}{nearest(name, public)}", code="object_not_found")
        found = getattr(found, name)
    return found


def split_target(target: str) -> tuple[str, str | None]:
    """``MODULE:NAME`` or ``FILE.py:NAME`` in two; the name may be missing."""
    module, colon, name = target.rpartition(":")
    if colon and all(part.isidentifier() for part in name.split(".")):
        return module, name
    return target, None


def broken(name: str, error: BaseException) -> UsageError:
    """Somebody else's code raised this: names the error, and the last line of code that it came through."""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}, line {error.lineno})"
        reason = error.msg
    else:
        frames = [frame for frame in extract_tb(error.__traceback__) if "importlib" not in frame.filename]
        where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
        reason = str(error)
    return UsageError(
        f"{name!r} cannot be loaded: {type(error).__name__}: {reason}{where}", code="module_broken", module=name
    )


def _imported(name: str) -> ModuleType:
    """As ``python -m`` would find it: what is in this directory comes first."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return import_module(name)


_LOADED: Final[dict[Path, ModuleType]] = {}
"""Files that were loaded already: who names one twice means the same things."""


def _from_file(path: Path) -> ModuleType:
    must_be_readable(path)
    if path.resolve() in _LOADED:
        return _LOADED[path.resolve()]
    spec = spec_from_file_location(path.stem.replace(".", "_"), path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(path)!r} is no Python module", code="module_unusable")
    directory = str(path.parent.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    module = module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    _LOADED[path.resolve()] = module
    return module
