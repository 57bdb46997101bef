"""``d2lzh-cv data``: the commands for data sets and weights."""
from __future__ import annotations

import argparse
import json
from pathlib import Path

from .. import locks
from ..data import hub
from ..data.extent import PART, Extent
from ..errors import InputError
from ..run.flags import Parser, add_debug_flag
from ..run.guard import INPUT_ERROR
from . import convert, pack


def add(commands) -> None:
    """Add the command ``data`` and its subcommands."""
    text = "list, fetch, draw and check data sets and weights"
    parser = commands.add_parser("data", help=text, description=text.capitalize() + ".")
    add_debug_flag(parser)
    parser.set_defaults(command=lambda flags: parser.print_help() or 0)
    own = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for add_command in (_add_list, _add_fetch, _add_make, _add_check, pack.add, convert.add):
        add_command(own)


def _add_list(commands) -> None:
    parser = _command(commands, "list", _list, "list data sets and weights: which are found, which can be fetched")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_fetch(commands) -> None:
    parser = _command(commands, "fetch", _fetch, "fetch data sets and weights into the data folder",
                      "Mirrors are tried in order; one line reports each dead mirror. A file is accepted only with its "
                      "registered hash. An interrupted download resumes.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="such as voc or resnet18_v2; see d2lzh-cv data list")


def _add_make(commands) -> None:
    parser = _command(commands, "make", _make, "draw the synthetic sets: the same bytes for the same seed")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as pikachu (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="folder to write; then run it with --data DIR")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the sets (default: 0)")


def _add_check(commands) -> None:
    parser = _command(commands, "check", _check, "check the sets that are found: hashes, counts, every picture opens")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as voc (default: all sets that are found)")


def _command(commands, name: str, run, text: str, epilog: str | None = None) -> Parser:
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".", epilog=epilog)
    parser.add_argument("--data", type=Path, metavar="DIR",
                        help="the data folder (default: D2LZH_CV_DATA, else data/)")
    add_debug_flag(parser)
    parser.set_defaults(command=run)
    return parser


def _list(flags: argparse.Namespace) -> int:
    from ..data import catalogue, fetch
    root = hub.named_root(flags.data)
    found = [(item, fetch.present(item, root)) for item in catalogue.items()]
    rows = [{"name": item.name, "what": item.what, "sections": item.sections, "licence": item.licence,
             "megabytes": item.megabytes, "path": str(path) if path else None,
             "part": _part(item.extent(path)) if path else None} for item, path in found]
    if flags.json:
        print(json.dumps(rows, indent=1))
    else:
        _print_list(rows, root)
    return 0


def _print_list(rows: list[dict], root: Path) -> None:
    from rich.console import Console

    from ..run.terminal import table
    cells = [(row["name"], row["what"].replace(f"of {row['name']}", ""), row["sections"], row["licence"],
              "a part" if row["part"] else "yes" if row["path"] else
              f"no, {row['megabytes']} MB" if row["megabytes"] else "no") for row in rows]
    Console().print(table(("name", "contents", "sections", "licence", "found?"), cells, words=(1, 4), box=None),
                    crop=False)
    for row in rows:
        if row["part"]:
            print(f"{row['name']}: {row['part']}")
    print(f"looked in {root}; a synthetic set replaces a missing one; to get one: d2lzh-cv data fetch NAME")


def _part(found: Extent) -> str | None:
    return str(found) if found.kind == PART else None


def _fetch(flags: argparse.Namespace) -> int:
    from ..data import catalogue, fetch
    for name in flags.names:
        catalogue.find(name)  # report a mistyped name before fetching anything
    if flags.data is not None and flags.data.exists():
        hub.named_root(flags.data)
    problems = []
    for name in flags.names:
        try:
            print(f"{name}: {fetch.fetch(name, flags.data)}", flush=True)
        except InputError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise InputError("; ".join(problems))
    return 0


def _make(flags: argparse.Namespace) -> int:
    from ..data import drawn
    names = flags.names or drawn.names()
    unknown = [name for name in names if name not in drawn.names()]
    if unknown:
        raise InputError(f"no synthetic set is called {unknown[0]!r}; choose one of {', '.join(drawn.names())}")
    with locks.alone(flags.out / ".lock", f"sets are being drawn into {flags.out}"):
        for folder in (flags.out / name for name in names):
            if folder.exists() and not (folder / drawn.STAMP).is_file():
                raise InputError(f"{folder} holds other files than a synthetic set and was not changed: choose another "
                                 "--out")
        for name in names:
            print(f"{name}: {drawn.make(name, flags.out / name, flags.seed)}", flush=True)
    return 0


def _check(flags: argparse.Namespace) -> int:
    from ..data import check
    from ..data.whats_there import whats_there
    root = hub.named_root(flags.data)
    reports = check.check(flags.names, root)
    if not reports:
        raise InputError(f"nothing to check in {root}: {whats_there(root)}")
    for report in reports:
        print(report, flush=True)
    return INPUT_ERROR if any(report.problems for report in reports) else 0
