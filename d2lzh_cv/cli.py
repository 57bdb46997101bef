"""The command line ``d2lzh-cv``: run, list, doctor, compare; the larger commands are in commands/.

This module does not import MXNet, so the command starts at once.
"""
from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from . import contents
from .commands import bench, data, demo, export, launch, notebook, predict
from .compat import versions
from .errors import as_input_error
from .run import rundir, streams
from .run.flags import Parser, add_debug_flag, add_run_flags, check_kvstore, from_namespace
from .run.guard import INPUT_ERROR, INTERRUPTED

DESCRIPTION = "Chapter 9 (computer vision) of 动手学深度学习 v1 on Apache MXNet 1.9.1, on today's machines."


def main(argv: list[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's) and return its exit code.

    0: success. 1: a bug in a section. 2: wrong input, named in one line. 130: interrupted.
    """
    streams.prepare()
    try:
        code = _do(argv)
    except SystemExit as end:  # from --help, --version or a wrong flag
        if streams.flush() or end.code:
            raise
        raise SystemExit(INPUT_ERROR) from None
    return code if streams.flush() or code else INPUT_ERROR


def _do(argv: list[str] | None) -> int:
    flags = _parse(argv)
    try:
        return flags.command(flags)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        wrong = as_input_error(error)
        if wrong is None:
            raise
        if getattr(flags, "debug", False):
            traceback.print_exc()
        print(f"error: {' '.join(str(wrong).split())}", file=sys.stderr)
        return INPUT_ERROR


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="d2lzh-cv", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"d2lzh-cv {versions.OURS}")
    add_debug_flag(parser)
    parser.set_defaults(command=lambda flags: parser.print_help() or 0)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for add in (_add_run, _add_list, _add_doctor, _add_compare, data.add, predict.add, demo.add, export.add,
                notebook.add, launch.add, bench.add):
        add(commands)
    flags, extra = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in extra) or (extra and "sections" not in flags):
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    if extra:  # sections after a flag, as in `run 9.3 --quick 9.4`
        flags.sections += extra
    return flags


def _add_run(commands) -> None:
    listing = "\n".join(f"  {info.number:<5} {info.slug:<34} {info.english}" for info in contents.SECTIONS)
    beyond = "\n".join(f"  {info.number:<40} {info.english}" for info in (*contents.PARTS, *contents.EXERCISES))
    parser = commands.add_parser(
        "run", help="run sections of the chapter, each in its own process, and write a report page",
        description="Run sections of the chapter, each in its own process, and write a report page.",
        epilog=f"sections (by number, name or script):\n{listing}\n\n"
               f"beyond the page (9.8 includes its parts; exercises means all 9.N-...):\n{beyond}\n\n"
               "examples:\n  d2lzh-cv run all --quick\n  d2lzh-cv run 9.3-9.5 ssd --quick --data synthetic\n"
               "  d2lzh-cv run exercises --quick",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="+", metavar="SECTION",
                        help="such as 9.7, ssd, 9.3-9.5, 9.3,9.4, 9.7-losses, exercises, or all (the book's 13)")
    add_run_flags(parser)
    parser.set_defaults(command=_run)


def _add_list(commands) -> None:
    text = "list sections 9.1 to 9.13, the exercises and further parts, with their data and approximate time"
    parser = commands.add_parser("list", help=text, description=text.capitalize() + ".")
    parser.add_argument("--parameters", metavar="SECTION", help="list the parameters of a section, for run -p")
    add_debug_flag(parser)
    parser.set_defaults(command=_list)


def _add_doctor(commands) -> None:
    text = "report problems of this installation (Python, NumPy, MXNet, GPU, data) and how to solve them"
    parser = commands.add_parser("doctor", help=text, description=text.capitalize() + ".",
                                 epilog="It looks for the data of sections 9.1 to 9.13; see d2lzh-cv list.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_debug_flag(parser)
    parser.set_defaults(command=_doctor)


def _add_compare(commands) -> None:
    text = "compare the book's printed figures with those of a run, one by one"
    parser = commands.add_parser(
        "compare", help=text, description=text.capitalize() + ".",
        epilog="The command computes exact figures anew; they must equal the printed digits. It judges training only "
               "on the book's data and settings. Exit code 1: an exact figure differs.")
    parser.add_argument("run", nargs="?", metavar="RUN", type=Path,
                        help="folder of a run (default: runs/latest; without a run, only the exact figures)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_debug_flag(parser)
    parser.set_defaults(command=_compare)


def _run(flags: argparse.Namespace) -> int:
    infos, options = contents.select(flags.sections), from_namespace(flags)
    check_kvstore(infos, options)
    from .book.report import write_report
    from .run import runner
    return runner.run(infos, options, write_report)


def _list(flags: argparse.Namespace) -> int:
    from rich.console import Console

    from .run.terminal import table
    if flags.parameters is not None:
        return _list_parameters(contents.find(flags.parameters))
    for name, infos in (("section", contents.SECTIONS), ("beyond the page", (*contents.PARTS, *contents.EXERCISES))):
        rows = [(info.number, f"{info.english}\n{info.chinese}", ", ".join(info.needs), f"about {info.seconds} s")
                for info in infos]
        Console().print(table((name, "title", "reads", "quick mode"), rows, words=(2,), show_lines=True), crop=False)
    for name, infos in contents.GROUPS.items():
        minutes = sum(info.seconds for info in infos) / 60
        print(f"{name}: about {minutes:.0f} minutes in quick mode on two cores; d2lzh-cv run {name} --quick")
    return 0


def _list_parameters(info: contents.SectionInfo) -> int:
    from rich.console import Console

    from .run.parameters import of_section
    from .run.terminal import table
    full, quick = of_section(info, False), of_section(info, True)
    rows = [(name, repr(full.get(name, "-")), repr(value)) for name, value in quick.items()]
    Console().print(table(("parameter", "full mode", "quick mode"), rows, words=()), crop=False)
    print(f"to set one: d2lzh-cv run {info.number} -p {next(iter(quick), 'NAME')}=VALUE")
    return 0


def _doctor(flags: argparse.Namespace) -> int:
    from .commands import doctor
    return doctor.main(flags.json)


def _compare(flags: argparse.Namespace) -> int:
    from .book import compare, comparison_tables
    comparison = compare.compare(flags.run or rundir.latest())
    if flags.json:
        print(comparison.json_text())
    else:
        comparison_tables.print_tables(comparison)
    return 0 if comparison.ok else 1
