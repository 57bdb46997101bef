"""The flags of every section, for a chapter script and for ``d2lzh-cv run``."""
from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from .. import contents
from ..contents import SectionInfo
from ..data.hub import WORDS as DATA_WORDS
from ..engine import precision
from ..engine.distributed import DIST, KVSTORES, NOT_LAUNCHED, WORKERS, launched, own_folder, own_rank
from ..errors import InputError
from ..files import check_folder

ALL_BACKBONES = tuple(dict.fromkeys(name for info in contents.SECTIONS for name in info.backbones))


@dataclass(frozen=True)
class Options:
    """The flags of a run. The section chooses ``epochs``, ``backbone``, ``kvstore`` and ``out`` if they are None."""

    quick: bool = False
    data: str = "auto"
    epochs: int | None = None
    seed: int = 0
    backbone: str | None = None
    kvstore: str | None = None
    out: str | None = None
    resume: bool = False
    force: bool = False
    debug: bool = False
    parameters: tuple[str, ...] = ()  # the values of -p, NAME=VALUE
    precision: str = "float32"  # one of d2lzh_cv.engine.precision.PRECISIONS

    @property
    def mode(self) -> str:
        """The mode: "quick" or "full"."""
        return "quick" if self.quick else "full"

    def to_argv(self, out: Path) -> list[str]:
        """Return the command-line flags for a section script with these options and the folder ``out``."""
        argv = [f"--{self.mode}", "--data", self.data, "--seed", str(self.seed), "--out", str(out)]
        if self.epochs is not None:
            argv += ["--epochs", str(self.epochs)]
        if self.backbone is not None:
            argv += ["--backbone", self.backbone]
        if self.kvstore is not None:
            argv += ["--kvstore", self.kvstore]
        if self.precision != "float32":
            argv += ["--precision", self.precision]
        argv += [word for text in self.parameters for word in ("-p", text)]
        return argv + ["--resume"] * self.resume + ["--force"] * self.force + ["--debug"] * self.debug

    def identity(self) -> dict[str, Any]:
        """Return the options that must be equal for ``--resume`` to keep a finished section."""
        data = self.data if self.data in DATA_WORDS else str(Path(self.data).resolve())
        backbone = {"backbone": self.backbone} if self.backbone else {}  # runs without the flag have no such key
        named = {text.partition("=")[0]: text.partition("=")[2] for text in self.parameters}
        parameters = {"parameters": dict(sorted(named.items()))} if named else {}
        workers = {"workers": int(os.environ[WORKERS])} if self.kvstore == DIST else {}
        mixed = {"precision": self.precision} if self.precision != "float32" else {}
        return {"mode": self.mode, "seed": self.seed, "data": data, "epochs": self.epochs, **backbone, **workers,
                **parameters, **mixed}

    def for_section(self, info: SectionInfo) -> Options:
        """Return these options without a backbone or kvstore that the section does not support."""
        return replace(self, backbone=self.backbone if self.backbone in info.backbones else None,
                       kvstore=self.kvstore if info.shared else None)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line with exit code 2 and accepts no abbreviated flags."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Print ``message`` in one line to standard error and exit with code 2."""
        self.exit(2, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def add_mode_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--quick`` and ``--full``."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", default=False,
                      help="small data and few epochs: takes minutes on a CPU, and the network still learns")
    mode.add_argument("--full", dest="quick", action="store_false", help="the book's settings (the default)")


def add_parameter_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``-p NAME=VALUE``; :mod:`.parameters` reads it."""
    parser.add_argument("-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
                        help="set a parameter of the section, such as learning_rate=0.1; may be repeated; "
                             "d2lzh-cv list --parameters SECTION shows them")


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of :class:`Options` to ``parser``; an invalid value becomes an error that names its flag."""
    add_mode_flags(parser)
    parser.add_argument("--data", default="auto", type=_data, metavar="auto|synthetic|book|DIR",
                        help="auto: the sets in the data folder, else synthetic ones; book: the book's data, else an "
                             "error; DIR: the sets in DIR, an error if the section's own set is not in it (of several "
                             "sections one needs its set in DIR; the others then use synthetic sets and say so) "
                             "(default: auto)")
    parser.add_argument("--epochs", type=_epochs, metavar="N", help="epochs of every training (default: the section's)")
    add_parameter_flag(parser)
    parser.add_argument("--seed", type=_seed, default=0, metavar="N",
                        help="seeds Python, NumPy and MXNet (default: 0)")
    parser.add_argument("--backbone", choices=ALL_BACKBONES, metavar="NAME",
                        help=f"the pretrained network for the features of {_numbers('backbones', ', ')}, one of "
                             f"{', '.join(ALL_BACKBONES)}; its weights must be in --data DIR or in the "
                             "data folder, but squeezenet1.1 comes with the package ndf (default: the first network "
                             "whose weights are found, then that of ndf)")
    parser.add_argument("--kvstore", choices=KVSTORES,
                        help=f"how {_numbers('shared')} sum the gradients of several devices; {DIST}: of several "
                             "workers, under d2lzh-cv launch (the default there)")
    add_precision_flag(parser)
    parser.add_argument("--out", type=_out, metavar="DIR", help="folder of the results (default: runs/<time>)")
    parser.add_argument("--resume", action="store_true",
                        help="resume in --out (default: the newest run): keep finished sections with the same flags, "
                             "and resume a training where it stopped")
    parser.add_argument("--force", action="store_true",
                        help="with --resume: resume a training even if flags or data have changed")
    add_debug_flag(parser)


def add_precision_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--precision``; :mod:`d2lzh_cv.engine.precision` computes in it."""
    parser.add_argument("--precision", choices=precision.PRECISIONS, default="float32", help=precision.HELP)


def add_debug_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--debug``. Its default is suppressed, so that the flag works before and after a command's name."""
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS,
                        help="show the traceback of input errors too")


def from_namespace(flags: argparse.Namespace) -> Options:
    """Convert parsed ``flags`` to :class:`Options`.

    A launched worker trains through dist_sync by default. Every worker except worker 0 writes to its own folder, and
    resumes from worker 0's snapshot, not from its own results.
    """
    out, kvstore = own_folder(flags.out), flags.kvstore or (DIST if launched() else None)
    return Options(quick=flags.quick, data=flags.data, epochs=flags.epochs, seed=flags.seed, backbone=flags.backbone,
                   kvstore=kvstore, out=out, resume=flags.resume and own_rank() == 0, force=flags.force,
                   debug=getattr(flags, "debug", False), parameters=tuple(flags.parameters),
                   precision=flags.precision)


def parse_script(argv: list[str], info: SectionInfo, prog: str | None = None) -> Options:
    """Parse the flags of a section's script; an error prints one line and exits with code 2."""
    parser = Parser(description=f"Section {info.number}: {info.english}.", prog=prog)
    add_run_flags(parser)
    options = from_namespace(parser.parse_args(argv))
    supported = options.for_section(info)
    if supported.backbone != options.backbone:
        parser.error(f"argument --backbone: {backbones_of(info)}")
    if supported.kvstore != options.kvstore:
        parser.error(f"argument --kvstore: {kvstores_of(info)}")
    if options.kvstore == DIST and not launched():
        parser.error(f"argument --kvstore: {NOT_LAUNCHED}")
    return options


def backbones_of(info: SectionInfo) -> str:
    """Return a message: the backbones that a section supports."""
    return f"section {info.number} takes {' or '.join(info.backbones) or 'no pretrained network'}"


def kvstores_of(info: SectionInfo) -> str:
    """Return a message: the section supports no kvstore, and which sections do."""
    return f"section {info.number} trains in one process on one device; {_numbers('shared')} can share a training"


def _numbers(field: str, separator: str = " and ") -> str:
    """Join the numbers of the book's sections whose record has ``field``."""
    return separator.join(info.number for info in contents.SECTIONS if getattr(info, field))


def check_kvstore(infos: Sequence[SectionInfo], options: Options) -> None:
    """Raise InputError if no section supports ``options.kvstore``, or if several sections ask for dist_sync."""
    if options.kvstore is None:
        return
    if not any(info.shared for info in infos):
        raise InputError(f"--kvstore {options.kvstore}: {kvstores_of(infos[0])}")
    if options.kvstore == DIST and not launched():
        raise InputError(f"--kvstore {NOT_LAUNCHED}")
    if options.kvstore == DIST and len(infos) > 1:
        raise InputError(f"--kvstore {DIST} takes one section at a time: the servers end with its training")


def count(text: str) -> int:
    """Parse a whole number 1 or more, for :mod:`argparse`."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number 1 or more")


def _data(value: str) -> str:
    if value in DATA_WORDS:
        return value
    if not value:
        raise argparse.ArgumentTypeError(f"is empty; give {', '.join(DATA_WORDS)} or a folder that exists")
    try:
        check_folder(Path(value))
    except InputError as error:
        raise argparse.ArgumentTypeError(f"{error}, or give {', '.join(DATA_WORDS)}") from error
    return value


def _out(value: str) -> str:
    if not value:
        raise argparse.ArgumentTypeError("is empty; name a folder, such as runs/mine")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{value} holds bytes that are not UTF-8, and MXNet cannot write to such a "
                                         "name; choose another folder") from None
    return value


def _epochs(value: str) -> int:
    return _whole(value, 1, None)


def _seed(value: str) -> int:
    return _whole(value, 0, 2**32 - 1)


def _whole(value: str, low: int, high: int | None) -> int:
    text = f"{low} or more" if high is None else f"from {low} to {high}"
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if number < low or (high is not None and number > high):
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number {text}")
    return number
