"""``d2lzh-cv launch``: train with several processes, on this machine or on several."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..compat import hook
from ..errors import InputError
from ..run.flags import add_debug_flag, count


def add(commands) -> None:
    """Add the command ``launch``."""
    text = "train a section with several workers, on this machine or, over ssh, on several"
    parser = commands.add_parser(
        "launch", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="Example: d2lzh-cv launch -n 2 -s 1 -- d2lzh-cv run 9.7 --quick. Every worker runs COMMAND. The section "
               "trains through MXNet's parameter server (--kvstore dist_sync), each worker on its part of every "
               "batch, and worker 0 keeps the results. If one process fails, all others are ended and its exit code "
               "is returned. Other hosts need ssh without a password, and the same folder and Python at the same "
               "paths.")
    parser.add_argument("-n", dest="workers", type=count, required=True, metavar="WORKERS",
                        help="number of workers, which train")
    parser.add_argument("-s", dest="servers", type=count, default=1, metavar="SERVERS",
                        help="number of servers, which sum the gradients (default: 1)")
    parser.add_argument("--hosts", type=Path, metavar="FILE",
                        help="file with one host per line, for ssh; processes are dealt out in turn (default: this "
                             "machine)")
    parser.add_argument("--address", metavar="IP",
                        help="address by which the others reach the first host (default: looked up by its name)")
    parser.add_argument("--port", type=count, help="port of the scheduler, on the first host (default: a free one)")
    add_debug_flag(parser)
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND...", help="command of every worker")
    parser.set_defaults(command=_launch)


def _launch(flags: argparse.Namespace) -> int:
    from ..run import launcher
    command = flags.argv[1:] if flags.argv[:1] == ["--"] else flags.argv
    if not command:
        raise InputError("launch needs a command, such as: d2lzh-cv launch -n 2 -s 1 -- d2lzh-cv run 9.7 --quick")
    hosts = launcher.read_hosts(flags.hosts) if flags.hosts else (launcher.HERE,)
    if launcher.HERE in hosts:
        hook.check(launcher.own_environment({}))  # once, here: else every process would print the same error
    return launcher.launch(launcher.Plan(flags.workers, flags.servers, hosts, flags.address, flags.port), command)
