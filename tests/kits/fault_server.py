"""An HTTP server on the loopback that serves one content, or with the fault that the path's first part names."""
from __future__ import annotations

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4096  # 1 MiB
FAULTS = ("right", "404", "403", "500", "wrong", "half", "drops", "drops_always", "silent", "no_range", "busy")


class FaultServer(ThreadingHTTPServer):
    """``content`` is what every path serves; ``requests`` counts them, ``ranges`` lists the first bytes asked for."""

    daemon_threads = True

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.requests, self.ranges = content, Counter(), []

    def url(self, fault: str, name: str = "file.bin") -> str:
        return f"http://127.0.0.1:{self.server_port}/{fault}/{name}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc_info) -> None:
        self.shutdown()
        super().__exit__(*exc_info)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = self.path.split("/")[1]
        self.server.requests[fault] += 1
        start = int(self.headers.get("Range", "bytes=0-")[len("bytes="):-1])
        self.server.ranges.append(start)
        getattr(self, f"_{fault}", self._right)(start)

    def log_message(self, *_) -> None:
        """Silent."""

    def _right(self, start: int) -> None:
        self._send(self.server.content, start)

    def _404(self, _) -> None:
        self._status(404)

    def _403(self, _) -> None:
        self._status(403)

    def _500(self, _) -> None:
        self._status(500)

    def _wrong(self, start: int) -> None:
        self._send(self.server.content[::-1], start)

    def _half(self, start: int) -> None:
        """Half of it, and as if that were all."""
        self._send(self.server.content[:len(self.server.content) // 2], start)

    def _drops(self, start: int) -> None:
        """Hangs up in the middle, the first time."""
        self._send(self.server.content, start, cut=self.server.requests["drops"] == 1)

    def _drops_always(self, start: int) -> None:
        """Hangs up before the first byte."""
        self.close_connection = True

    def _silent(self, start: int) -> None:
        time.sleep(3)
        self.close_connection = True

    def _no_range(self, _) -> None:
        """Always from the beginning, whatever was asked for."""
        self._send(self.server.content, 0)

    def _busy(self, start: int) -> None:
        if self.server.requests["busy"] < 3:
            self._status(503)
        else:
            self._send(self.server.content, start)

    def _status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, start: int, cut: bool = False) -> None:
        if start and start >= len(content):
            self._status(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:start + (len(content) - start) // 2] if cut else content[start:])
        self.wfile.flush()
        self.close_connection = self.close_connection or cut
