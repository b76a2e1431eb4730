"""What the exit codes of ``prana`` mean."""

from __future__ import annotations

from typing import Final

OK: Final = 0
"""The execution completed; the document has no problems; the picture was drawn."""
FAILED: Final = 1
"""The execution failed."""
REFUSED: Final = 2
"""Nothing ran: wrong arguments, a file that is not there, a document with problems."""
SUSPENDED: Final = 3
"""The execution waits for something that did not come in time."""
CANCELLED: Final = 4
"""The execution was cancelled."""
INTERRUPTED: Final = 130
"""Ctrl-C."""
PIPE_CLOSED: Final = 141
"""Whoever read the output has gone away."""

OF_STATUS: Final = {"completed": OK, "failed": FAILED, "suspended": SUSPENDED, "cancelled": CANCELLED}
