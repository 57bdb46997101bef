"""The flags every section understands, for a chapter script and for ``d2lzh-cv run`` alike."""
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
from ..engine.distributed import DIST, KVSTORES, NOT_LAUNCHED, WORKERS, launched, own_folder, own_rank
from ..errors import InputError
from ..files import check_folder

ALL_BACKBONES = tuple(dict.fromkeys(name for info in contents.SECTIONS for name in info.backbones))


@dataclass(frozen=True)
class Options:
    """The flags of a run. ``epochs``, ``backbone``, ``kvstore`` and ``out`` are None where the section chooses."""

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

    @property
    def mode(self) -> str:
        return "quick" if self.quick else "full"

    def to_argv(self, out: Path) -> list[str]:
        """Return the flags that give a section script these options and the folder ``out``."""
        argv = [f"--{self.mode}", "--data", self.data, "--seed", str(self.seed), "--out", str(out)]
        if self.epochs is not None:
            argv += ["--epochs", str(self.epochs)]
        if self.backbone is not None:
            argv += ["--backbone", self.backbone]
        if self.kvstore is not None:
            argv += ["--kvstore", self.kvstore]
        return argv + ["--resume"] * self.resume + ["--force"] * self.force + ["--debug"] * self.debug

    def identity(self) -> dict[str, Any]:
        """What a finished section must have in common with these options for ``--resume`` to keep it."""
        data = self.data if self.data in DATA_WORDS else str(Path(self.data).resolve())
        backbone = {"backbone": self.backbone} if self.backbone else {}  # runs of before the flag keep their identity
        workers = {"workers": int(os.environ[WORKERS])} if self.kvstore == DIST else {}
        return {"mode": self.mode, "seed": self.seed, "data": data, "epochs": self.epochs, **backbone, **workers}

    def for_section(self, info: SectionInfo) -> Options:
        """These options as a section can take them: without a backbone or a kvstore that it does not know."""
        return replace(self, backbone=self.backbone if self.backbone in info.backbones else None,
                       kvstore=self.kvstore if info.shared else None)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, exit code 2; flags must be written out in full."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of :class:`Options` to ``parser``; a wrong value becomes an error that names its flag."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", default=False,
                      help="small data and few epochs: minutes on a CPU, and the learning can still be seen")
    mode.add_argument("--full", dest="quick", action="store_false", help="the book's settings (the default)")
    parser.add_argument("--data", default="auto", type=_data, metavar="auto|synthetic|book|DIR",
                        help="auto: what is in the data folder, else synthetic; book: the book's data or an error; "
                             "DIR: look there, an error if the set that the section is about is not in it; of several "
                             "sections one whose set is in it will do, the others' sets are drawn, which is said "
                             "(default: auto)")
    parser.add_argument("--epochs", type=_epochs, metavar="N", help="epochs of every training (default: the section's)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N",
                        help="seeds Python, NumPy and MXNet (default: 0)")
    parser.add_argument("--backbone", choices=ALL_BACKBONES, metavar="NAME",
                        help=f"the pretrained network that {_numbers('backbones', ', ')} take features from, of "
                             f"{', '.join(ALL_BACKBONES)}; its weights must be in --data DIR or in the "
                             "data folder (default: the first whose weights are there)")
    parser.add_argument("--kvstore", choices=KVSTORES,
                        help=f"through what {_numbers('shared')} add up the gradients of several devices, or, by "
                             f"{DIST} under d2lzh-cv launch, of several workers (default there)")
    parser.add_argument("--out", type=_out, metavar="DIR", help="where results go (default: runs/<time>)")
    parser.add_argument("--resume", action="store_true",
                        help="resume in --out (default: the newest run): keep what is done there with the same flags, "
                             "and resume a training where it stopped")
    parser.add_argument("--force", action="store_true",
                        help="with --resume: resume a training although flags or data have changed")
    add_debug_flag(parser)


def add_debug_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--debug``. Suppressed default, so that it counts before and after a command's name."""
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS,
                        help="show the traceback of an error in the input too")


def from_namespace(flags: argparse.Namespace) -> Options:
    """Return the :class:`Options` among the parsed ``flags``.

    A launched worker trains with the others; one that is not worker 0 keeps its output apart, and resumes what
    worker 0 resumes, whatever it has done itself.
    """
    out, kvstore = own_folder(flags.out), flags.kvstore or (DIST if launched() else None)
    return Options(quick=flags.quick, data=flags.data, epochs=flags.epochs, seed=flags.seed, backbone=flags.backbone,
                   kvstore=kvstore, out=out, resume=flags.resume and own_rank() == 0, force=flags.force,
                   debug=getattr(flags, "debug", False))


def parse_script(argv: list[str], info: SectionInfo, prog: str | None = None) -> Options:
    """Parse the flags of a section's script; a wrong one prints one line and exits with 2."""
    parser = Parser(description=f"Section {info.number}: {info.english}.", prog=prog)
    add_run_flags(parser)
    options = from_namespace(parser.parse_args(argv))
    wanted = options.for_section(info)
    if wanted.backbone != options.backbone:
        parser.error(f"argument --backbone: {backbones_of(info)}")
    if wanted.kvstore != options.kvstore:
        parser.error(f"argument --kvstore: {kvstores_of(info)}")
    if options.kvstore == DIST and not launched():
        parser.error(f"argument --kvstore: {NOT_LAUNCHED}")
    return options


def backbones_of(info: SectionInfo) -> str:
    """What a section takes features from, for a message."""
    return f"section {info.number} takes {' or '.join(info.backbones) or 'no pretrained network'}"


def kvstores_of(info: SectionInfo) -> str:
    """Why a section takes no kvstore, for a message."""
    return f"section {info.number} trains in one process on one device; {_numbers('shared')} can share a training"


def _numbers(what: str, between: str = " and ") -> str:
    """The book's sections whose record has ``what``, for a message."""
    return between.join(info.number for info in contents.SECTIONS if getattr(info, what))


def check_kvstore(infos: Sequence[SectionInfo], options: Options) -> None:
    """Raise InputError where no section can train through the kvstore that was asked for, or too many are to."""
    if options.kvstore is None:
        return
    if not any(info.shared for info in infos):
        raise InputError(f"--kvstore {options.kvstore}: {kvstores_of(infos[0])}")
    if options.kvstore == DIST and not launched():
        raise InputError(f"--kvstore {NOT_LAUNCHED}")
    if options.kvstore == DIST and len(infos) > 1:
        raise InputError(f"--kvstore {DIST} takes one section at a time: the servers end with its training")


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
