"""Stands between a client and a PostgreSQL server, and cuts the line once, at a chosen moment."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

Cut = Callable[[bytes], bool]
"""Whether the line is to be cut when a client sends this: the server may still get it, but its answer is lost."""


def never(_: bytes) -> bool:
    return False


class Proxy:
    """Listens on a port of its own as long as it is open."""

    def __init__(self, host: str, port: int) -> None:
        self.cuts: Cut = never
        self.passes_last = True
        """What the client sent last before the cut reaches the server."""
        self.connections = 0
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._muted: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self._begin(self._accept)

    def cut_all(self) -> None:
        """Cut the lines of all clients."""
        # Not closed before the end: a thread that still reads would go on with whatever gets the same descriptor next.
        for one in self._sockets:
            _shut(one)

    def close(self) -> None:
        """Take no more clients, and cut off those that there are."""
        _shut(self._listener)
        # It is the first one; whoever came in before it ended is cut off with the others.
        self._threads[0].join()
        self.cut_all()
        for thread in self._threads[1:]:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _begin(self, target: Callable[..., None], *sockets: socket.socket) -> None:
        thread = Thread(target=target, args=sockets, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for one in (client, server):
                    # Small messages go at once, as between the two themselves.
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._sockets += [client, server]
                self._begin(self._up, client, server)
                self._begin(self._down, server, client)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while content := client.recv(65536):
                if not self.cuts(content):
                    server.sendall(content)
                    continue
                self.cuts = never
                self._muted.add(server)
                if self.passes_last:
                    # The server reads what it got, and then that the line is gone; once it is done, the client is cut.
                    server.sendall(content)
                    server.shutdown(socket.SHUT_WR)
                    return
                break
        _shut(server)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while content := server.recv(65536):
                if server not in self._muted:
                    client.sendall(content)
        _shut(client)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
