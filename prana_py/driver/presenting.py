"""A token is presented: the wait that it is for is resolved, or the one who came with it is told why not."""

from __future__ import annotations

from typing import Any

from prana_py.driver.drive import Options, run_to_rest
from prana_py.driver.effects import Keep, Load
from prana_py.driver.family import with_family
from prana_py.driver.program import Program
from prana_py.driver.requests import Resume
from prana_py.driver.token_waits import open_wait
from prana_py.driver.tokens import Address
from prana_py.errors import TransitionError
from prana_py.execution.execution import Execution


def presented(address: Address, data: Any, options: Options) -> Program[Execution]:
    """Resolve the wait at an address, and drive its execution to rest.

    Whoever performs this sees to it that nobody else drives the same execution meanwhile.
    """
    execution: Execution | None = yield Load(address.execution_id)
    if execution is None:
        raise TransitionError(
            f"the token is for execution {address.execution_id!r}, which is not known here",
            code="token_foreign",
            execution_id=address.execution_id,
        )
    request = Resume(open_wait(execution, address), data)
    execution = yield from with_family(run_to_rest(execution, options, requests=(request,)), options)
    yield Keep(execution)
    return execution
