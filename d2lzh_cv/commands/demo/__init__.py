"""``d2lzh-cv demo``: a page in the browser on which trained networks answer with the reader's own pictures."""
from __future__ import annotations

import argparse
import threading
from pathlib import Path

from ...run.flags import add_debug_flag

LANGUAGES = ("auto", "zh", "en")
PORT = 7860


def add(commands) -> None:
    """Add the command ``demo``."""
    text = "open a page on which trained networks find, segment, name and paint your own pictures"
    parser = commands.add_parser(
        "demo", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="The page needs the extra demo. Only this computer reaches it, unless --host says otherwise; nothing is "
               "sent anywhere. Ctrl-C ends it. Example: d2lzh-cv demo runs/latest/9.7 runs/latest/9.10")
    parser.add_argument("checkpoints", nargs="*", type=Path, metavar="CHECKPOINT",
                        help="folders of trained models (default: all models of runs/latest); a network trained on "
                             "ImageNet and style transfer are always offered")
    parser.add_argument("--lang", choices=LANGUAGES, default="auto",
                        help="language of the page (default: auto, the browser's)")
    parser.add_argument("--host", default="127.0.0.1", type=_address, metavar="ADDRESS",
                        help="address to listen on; 0.0.0.0 lets other computers in (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=PORT, metavar="N",
                        help=f"port to listen on; 0 takes a free one (default: {PORT})")
    add_debug_flag(parser)
    parser.set_defaults(command=_demo)


def _address(host: str) -> str:
    """``localhost`` is this computer, also where the system has no table that says so, as in a minimal container."""
    return "127.0.0.1" if host == "localhost" else host


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def _demo(flags: argparse.Namespace) -> int:
    from ...engine.stopping import sigterm_as_ctrl_c
    from . import networks, server
    server.require_gradio()
    server.free_port(flags.host, flags.port)  # before the networks are loaded, which takes seconds
    with sigterm_as_ctrl_c():  # the page's folder is removed then, too
        offered = networks.load(flags.checkpoints)
        with server.running(offered, flags.host, flags.port, flags.lang) as page:
            if flags.host not in server.LOOPBACK:
                print(f"other computers can use the page, too: it listens on {flags.host}", flush=True)
            print(f"the page: {page.address}  (Ctrl-C ends it)", flush=True)
            threading.Event().wait()
    return 0
