"""The page's server: for this computer unless asked otherwise, without telemetry; it removes its files at its end."""
from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import InputError
from .networks import Networks

EXTRA = "install the extra demo, in a checkout by pip install -c constraints.txt '.[cpu,demo]'"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_FILE = "100mb"
SESSIONS = 100  # open pages whose answers are kept
FONT = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
SETTINGS = {  # read by Gradio when it is imported or started
    "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_SHARE": "False", "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
    "D2LZH_CV_PROGRESS": "0"}  # no bar per step of a style transfer


def require_gradio() -> None:
    """Raise InputError if Gradio is not installed."""
    if find_spec("gradio") is None:
        python = "" if sys.version_info >= (3, 10) else "; it needs Python 3.10 or later"
        raise InputError(f"demo needs gradio: {EXTRA}{python}")


def free_port(host: str, port: int) -> int:
    """Return ``port``, or a free one for 0. Raises InputError if it is in use or the host is not of this computer."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except PermissionError as error:
        raise InputError(f"port {port} is reserved for the system; choose another by --port") from error
    except OSError as error:  # socket.gaierror is one, too
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use; choose another by --port") from error
        raise InputError(f"--host {host} is no address of this computer ({error.strerror}); for instance: --host "
                         "127.0.0.1") from error


@contextmanager
def running(networks: Networks, host: str = "127.0.0.1", port: int = 0, language: str = "auto") -> Iterator[Any]:
    """Serve the page during the block; yield it, a :class:`d2lzh_cv.commands.demo.page.Page`, with its ``address``.

    Args:
        networks: what the page offers.
        host, port: where to listen; port 0 takes a free one.
        language: 'zh', 'en', or 'auto' for the browser's language.

    Raises:
        InputError: Gradio is not installed, or the port is in use.
    """
    require_gradio()
    port = free_port(host, port)
    with tempfile.TemporaryDirectory(prefix="d2lzh-cv-demo-") as name, _settings(Path(name), host):
        import gradio as gr

        from . import page
        one = page.Page(networks, Path(name), language)
        blocks = one.blocks
        theme = gr.themes.Default(font=FONT, font_mono=("ui-monospace", "monospace"))
        try:
            _, one.address, _ = blocks.launch(
                server_name=host, server_port=port, share=False, inbrowser=False, prevent_thread_lock=True, quiet=True,
                max_file_size=LARGEST_FILE, ssr_mode=False, run_history=False, footer_links=[], show_error=True,
                enable_monitoring=False, state_session_capacity=SESSIONS, i18n=one.i18n, theme=theme, css=page.CSS)
        except OSError as error:
            raise InputError(f"the page cannot be served on port {port} ({error}); try again, or choose another by "
                             "--port") from error
        try:
            yield one
        finally:
            one.stop_all()
            blocks.close(verbose=False)


@contextmanager
def _settings(folder: Path, host: str) -> Iterator[None]:
    """Set the environment of Gradio during the block; requests to this computer go by no proxy."""
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), *LOOPBACK, host)))
    new = {**SETTINGS, "GRADIO_TEMP_DIR": str(folder / "gradio"), "NO_PROXY": direct, "no_proxy": direct}
    old = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
