"""Commands as the command line runs them; errors stay exceptions."""
from __future__ import annotations

from d2lzh_cv.commands import pack, predict
from d2lzh_cv.run.flags import Parser


def pack_command(*argv: object) -> int:
    """``d2lzh-cv data pack`` with ``argv``."""
    return _run(pack, "pack", argv)


def predict_command(*argv: object) -> int:
    """``d2lzh-cv predict`` with ``argv``."""
    return _run(predict, "predict", argv)


def _run(command, name: str, argv: tuple[object, ...]) -> int:
    parser = Parser(prog="d2lzh-cv")
    command.add(parser.add_subparsers(parser_class=Parser))
    flags = parser.parse_args([name, *map(str, argv)])
    return flags.command(flags)
