"""What has happened in the store, told to those who wait for it here: threads, and tasks of any event loop."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import Final

from prana_py.identifiers import ExecutionId

MOST_REMEMBERED: Final = 10_000
"""Executions of which the latest news is remembered one by one; beyond that, everybody looks again."""


class News:
    """Counts what happens. Whoever has read so far can wait until there is more."""

    def __init__(self) -> None:
        self.count = 0
        self._about_all = 0
        self._about: dict[ExecutionId, int] = {}
        self._condition = Condition()
        self._listeners: list[Callable[[], None]] = []

    def tell(self, execution_id: ExecutionId | None) -> None:
        """Something has happened to an execution; ``None``: to whichever. From any thread."""
        with self._condition:
            self.count += 1
            if execution_id is None or len(self._about) >= MOST_REMEMBERED:
                self._about_all = self.count
                self._about.clear()
            else:
                self._about[execution_id] = self.count
            self._condition.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call back, from any thread and without delay, whenever there is news; what is returned ends that."""
        with self._condition:
            self._listeners.append(listener)
        return lambda: self._remove(listener)

    def _remove(self, listener: Callable[[], None]) -> None:
        with self._condition:
            self._listeners.remove(listener)

    def is_new(self, execution_id: ExecutionId | None, read: int) -> bool:
        """There is news of an execution – of any, without one – that was not read yet."""
        if execution_id is None:
            return self.count > read
        return max(self._about_all, self._about.get(execution_id, 0)) > read

    def wait(self, execution_id: ExecutionId | None, read: int, seconds: float | None) -> None:
        """Wait in this thread until there is news, or the time is over."""
        with self._condition:
            self._condition.wait_for(lambda: self.is_new(execution_id, read), seconds)

    async def wait_async(self, execution_id: ExecutionId | None, read: int, seconds: float | None) -> None:
        """Wait in this task until there is news, or the time is over."""
        import asyncio

        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def listener() -> None:
            if self.is_new(execution_id, read):
                loop.call_soon_threadsafe(woken.set)

        end = self.listen(listener)
        if self.is_new(execution_id, read):
            woken.set()
        try:
            async with asyncio.timeout(seconds):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            end()
