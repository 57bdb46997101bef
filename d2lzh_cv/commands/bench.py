"""``d2lzh-cv bench``: time ours, the book's way, PyTorch and ONNX Runtime side by side; benchmarks/ has the cases."""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..compat import hook
from ..errors import InputError
from ..run.flags import add_debug_flag, count
from ..run.guard import INTERRUPTED
from ..run.launcher import own_environment

ROOT = Path(__file__).resolve().parents[2]
SCALING_ROUNDS, ROUNDS = 3, 7


def add(commands) -> None:
    """Add the command ``bench``."""
    text = "compare the results of this package, the book's way, PyTorch and ONNX Runtime, then time them side by side"
    parser = commands.add_parser(
        "bench", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="Each side runs in its own process; they take turns. Seconds are medians. Ratios are the time of a side "
               "divided by ours, medians too. Exit code 1: the results of a side differ from ours. Stop other programs "
               "that keep the processor busy.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="such as tinyssd_step (default: all)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--list", action="store_true", help="list the cases")
    mode.add_argument("--losses", action="store_true",
                      help="compare the losses of 20 steps of the training cases")
    mode.add_argument("--scaling", action="store_true",
                      help="time several batch sizes, picture sizes, numbers of anchors and of threads")
    mode.add_argument("--floor", action="store_true",
                      help="count operations and bytes of the networks; print the least time they need here")
    parser.add_argument("--sides", metavar="NAMES",
                        help="compare ours with these only: book, torch, torch_compile, torch_bfloat16, ours_bfloat16, "
                             "onnxruntime, with commas between (default: all that a case has and that this machine can "
                             "run; with --losses and --scaling book,torch)")
    parser.add_argument("--rounds", type=count, metavar="N",
                        help=f"number of timings per side (default: {ROUNDS}, with --scaling {SCALING_ROUNDS})")
    parser.add_argument("--threads", type=count, metavar="N",
                        help="OpenMP threads per side (default: OMP_NUM_THREADS, else one per processor)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: test that all cases work; times mean nothing")
    parser.add_argument("--json", action="store_true", help="print JSON: every round's seconds and the environment too")
    add_debug_flag(parser)
    parser.set_defaults(command=_bench)


def _bench(flags: argparse.Namespace) -> int:
    if not (ROOT / "benchmarks" / "runner.py").is_file():
        raise InputError("bench runs only in a checkout of the project, because benchmarks/ is not installed with the "
                         "package; run make venv in a checkout, and .venv/bin/d2lzh-cv bench there")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from benchmarks import cases, environment, sides, tables
    chosen, groups = cases.choose(flags.cases), sides.choose(flags.sides) if flags.sides is not None else None
    if flags.list:
        tables.print_cases(chosen)
        return 0
    hook.check(own_environment({}))  # once, here: without MXNet every round would fail
    if flags.floor:
        return _floor(flags, chosen)
    report = _measure(flags, chosen, flags.threads or environment.default_threads(), groups)
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
    floors = floor.run(chosen, flags.quick)
    print(json.dumps(floors, indent=1)) if flags.json else tables.show_floors(floors)
    return 0


def _measure(flags: argparse.Namespace, chosen: list, threads: int, groups: tuple[str, ...] | None):
    from benchmarks import losses, runner, scaling
    asked = (groups,) if groups else ()
    if flags.losses:
        return losses.run(chosen, flags.quick, threads, *asked)
    if flags.scaling:
        return scaling.run(chosen, flags.rounds or SCALING_ROUNDS, flags.quick, threads, *asked)
    return runner.run(chosen, flags.rounds or ROUNDS, flags.quick, threads, *asked)
