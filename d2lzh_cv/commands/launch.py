"""``d2lzh-cv launch``: a training by several processes, on this machine or on several."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..compat import hook
from ..errors import InputError
from ..run.flags import add_debug_flag


def add(commands) -> None:
    """Add the command ``launch``."""
    text = "train a section with several workers, on this machine or, over ssh, on several"
    parser = commands.add_parser(
        "launch", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="Example: d2lzh-cv launch -n 2 -s 1 -- d2lzh-cv run 9.7 --quick. Every worker runs COMMAND; a section "
               "then trains through MXNet's parameter server (--kvstore dist_sync), each worker on its part of every "
               "batch, and worker 0 keeps the results. When one process fails all are ended, and the exit code is its "
               "own. Other hosts need ssh without a password, and the same folder and Python at the same paths.")
    parser.add_argument("-n", dest="workers", type=_count, required=True, metavar="WORKERS", help="how many train")
    parser.add_argument("-s", dest="servers", type=_count, default=1, metavar="SERVERS",
                        help="how many add gradients up (default: 1)")
    parser.add_argument("--hosts", type=Path, metavar="FILE",
                        help="a host per line, for ssh; they are taken in turn (default: this machine)")
    parser.add_argument("--address", metavar="IP",
                        help="where the others reach the first host (default: what its name stands for here)")
    parser.add_argument("--port", type=_count, help="of the scheduler, on the first host (default: a free one)")
    add_debug_flag(parser)
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND...", help="what every worker runs")
    parser.set_defaults(command=_launch)


def _launch(flags: argparse.Namespace) -> int:
    from ..run import launcher
    command = flags.argv[1:] if flags.argv[:1] == ["--"] else flags.argv
    if not command:
        raise InputError("launch what? Such as: d2lzh-cv launch -n 2 -s 1 -- d2lzh-cv run 9.7 --quick")
    hosts = launcher.read_hosts(flags.hosts) if flags.hosts else (launcher.HERE,)
    if launcher.HERE in hosts:
        hook.check(launcher.own_environment({}))  # else each process would end in a message of its own
    return launcher.launch(launcher.Plan(flags.workers, flags.servers, hosts, flags.address, flags.port), command)


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number 1 or more")
