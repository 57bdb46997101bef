"""``d2lzh-cv bench``: ours, the book's way and PyTorch timed side by side by the checkout's benchmarks/."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..compat import hook
from ..errors import InputError
from ..run.flags import add_debug_flag
from ..run.guard import INTERRUPTED
from ..run.launcher import own_environment

ROOT = Path(__file__).resolve().parents[2]
SCALING_ROUNDS, ROUNDS = 3, 7


def add(commands) -> None:
    """Add the command ``bench``."""
    text = "time this package, the book's way and PyTorch side by side, their results compared first"
    parser = commands.add_parser(
        "bench", help=text, description=text.capitalize().replace("pytorch", "PyTorch") + ".",
        epilog="Each side has a process of its own; they take turns. Seconds are medians, ratios are how many times as "
               "long as ours, medians too. Exit code 1: a side's results are not ours. Close what else keeps the "
               "processor busy.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="such as tinyssd_step (default: all)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the cases")
    what.add_argument("--losses", action="store_true",
                      help="the losses of 20 steps of the training cases, ours beside the others'")
    what.add_argument("--scaling", action="store_true",
                      help="how times grow with the batch, the picture, the anchors, the threads")
    what.add_argument("--floor", action="store_true",
                      help="what the networks have to compute and to move, and how fast this machine could")
    parser.add_argument("--rounds", type=_count, metavar="N",
                        help=f"how often each side is timed (default: {ROUNDS}, with --scaling {SCALING_ROUNDS})")
    parser.add_argument("--threads", type=_count, metavar="N",
                        help="OpenMP threads of every side (default: OMP_NUM_THREADS, else one per processor)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that all works, not how fast it is")
    parser.add_argument("--json", action="store_true", help="print JSON: every round's seconds and the environment too")
    add_debug_flag(parser)
    parser.set_defaults(command=_bench)


def _bench(flags: argparse.Namespace) -> int:
    if not (ROOT / "benchmarks" / "runner.py").is_file():
        raise InputError("bench runs in a checkout of the project: its benchmarks/ is not installed with the package; "
                         "run make venv in a checkout, and .venv/bin/d2lzh-cv bench there")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from benchmarks import cases, environment, tables
    chosen = cases.choose(flags.cases)
    if flags.list:
        tables.print_cases(chosen)
        return 0
    hook.check(own_environment({}))  # once, here: without MXNet each round would fail
    if flags.floor:
        return _floor(flags, chosen)
    report = _measure(flags, chosen, flags.threads or environment.default_threads())
    if flags.json:
        print(json.dumps(report.json(), indent=1))
    else:
        tables.show(report)
    if getattr(flags, "debug", False):
        print("\n".join(report.traces), file=sys.stderr)
    return INTERRUPTED if report.interrupted else 0 if report.ok else 1


def _floor(flags: argparse.Namespace, chosen: list) -> int:
    if flags.threads:
        os.environ["OMP_NUM_THREADS"] = str(flags.threads)  # MXNet is not loaded yet
    from benchmarks import floor, tables
    found = floor.run(chosen, flags.quick)
    print(json.dumps(found, indent=1)) if flags.json else tables.show_floors(found)
    return 0


def _measure(flags: argparse.Namespace, chosen: list, threads: int):
    from benchmarks import losses, runner, scaling
    if flags.losses:
        return losses.run(chosen, flags.quick, threads)
    if flags.scaling:
        return scaling.run(chosen, flags.rounds or SCALING_ROUNDS, flags.quick, threads)
    return runner.run(chosen, flags.rounds or ROUNDS, flags.quick, threads)


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number 1 or more")
