"""``d2lzh-cv predict``: use a trained checkpoint on the reader's own pictures."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .. import contents
from ..engine import precision
from ..errors import InputError
from ..files import make_folder, write_atomically
from ..run.flags import Parser, add_debug_flag, add_precision_flag
from ..run.guard import INPUT_ERROR

TASKS = {"detect": "find objects and draw their boxes",
         "segment": "predict the class of every pixel and draw the classes over the picture",
         "classify": "predict the class of the whole picture"}


def add(commands) -> None:
    """Add the command ``predict`` with a subcommand per task."""
    text = "use a trained checkpoint on your own pictures, of any size"
    parser = commands.add_parser("predict", help=text, description=text.capitalize() + ".")
    add_debug_flag(parser)
    parser.set_defaults(command=lambda flags: parser.print_help() or 0)
    own = parser.add_subparsers(title="commands", metavar="TASK", parser_class=Parser)
    section = {info.predicts: info.number for info in contents.SECTIONS}
    for task, text in TASKS.items():
        _add_task(own, task, text, section[task])


def _add_task(commands, task: str, text: str, section: str) -> None:
    example = f"d2lzh-cv predict {task} runs/latest/{section} photo.jpg --out found"
    if task == "classify":
        example += "; without a checkpoint: d2lzh-cv predict classify --imagenet photo.jpg"
    parser = commands.add_parser(task, help=text, description=text.capitalize() + ".", epilog=f"example: {example}")
    if task == "classify":
        parser.usage = "%(prog)s [options] (CHECKPOINT | --imagenet) IMAGE [IMAGE ...]"
        parser.add_argument("--imagenet", action="store_true",
                            help="name what is in the pictures by a network trained on ImageNet's 1,000 classes, "
                                 "without a checkpoint; --out may be left out")
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT",
                        help=f"folder of a trained model, such as runs/latest/{section}")
    parser.add_argument("images", type=Path, nargs="*" if task == "classify" else "+", metavar="IMAGE",
                        help="pictures, or folders of pictures")
    parser.add_argument("--out", type=Path, required=task != "classify", metavar="DIR",
                        help="folder for the drawn pictures")
    if task == "detect":
        parser.add_argument("--threshold", type=_score, default=0.3, metavar="SCORE",
                            help="keep boxes with at least this score, 0 to 1 (default: 0.3)")
    add_precision_flag(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    add_debug_flag(parser)
    parser.set_defaults(command=lambda flags: _in_precision(_checked(flags, parser)), task=task, imagenet=False)


def _checked(flags: argparse.Namespace, parser: Parser) -> argparse.Namespace:
    """Return the flags with what --imagenet changes: the first word is a picture, and --out may be missing."""
    if flags.imagenet:
        flags.images = [flags.checkpoint, *flags.images]
    elif not flags.images:
        parser.error("the following arguments are required: IMAGE (or --imagenet, if there is no checkpoint)")
    elif flags.out is None:
        parser.error("the following arguments are required: --out")
    return flags


def _score(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a score from 0 to 1")
    return value


def _in_precision(flags: argparse.Namespace) -> int:
    precision.check(flags.precision)
    with precision.computing_in(flags.precision):
        return _predict(flags)


def _predict(flags: argparse.Namespace) -> int:
    pictures = _pictures(flags.images)
    predictor = _predictor(flags)
    targets = _targets(pictures, make_folder(flags.out), flags.task) if flags.out else [None] * len(pictures)
    rows, failed = [], 0
    for picture, target in zip(pictures, targets):
        try:
            prediction = predictor(picture)
        except InputError as error:  # one bad picture must not stop the others
            print(f"error: {error}", file=sys.stderr)
            failed += 1
            continue
        rows.append({"picture": str(picture), "size": list(prediction.size), "found": prediction.found})
        if target is not None:
            rows[-1]["drawn"] = str(target)
            _save(prediction, target, rows[-1])
        if not flags.json:
            print(f"{picture}: {prediction.text}" + (f" -> {target}" if target else ""), flush=True)
    if flags.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    return INPUT_ERROR if failed else 0


def _predictor(flags: argparse.Namespace):
    from ..devices import try_gpu
    from ..models.predictor import Predictor
    if not flags.imagenet:
        return Predictor.of_checkpoint(flags.checkpoint, flags.task, getattr(flags, "threshold", 0.3), try_gpu())
    from ..models.imagenet import imagenet_model
    net, description, note = imagenet_model(try_gpu())
    print(note, file=sys.stderr if flags.json else sys.stdout)
    return Predictor(net, description, ctx=try_gpu())


def _save(prediction, target: Path, row: dict) -> None:
    from PIL import Image
    with write_atomically(target) as file:
        prediction.drawn.save(file, format="PNG")
    if prediction.mask is not None:
        mask = target.with_name(f"{target.stem}_classes.png")
        with write_atomically(mask) as file:
            Image.fromarray(prediction.mask).save(file, format="PNG")
        row["classes"] = str(mask)


def _pictures(paths: list[Path]) -> list[Path]:
    """Return the given pictures and the pictures in the given folders."""
    from ..data.pixels import SUFFIXES
    pictures = []
    for path in paths:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not files:
            raise InputError(f"{path} holds no pictures; name a folder that does, or a picture")
        pictures += files
    return pictures


def _targets(pictures: list[Path], out: Path, task: str) -> list[Path]:
    """Return one file name per drawn picture, all different, and different from the given pictures."""
    taken, targets = {path.resolve() for path in pictures}, []
    for picture in pictures:
        names = (out / f"{picture.stem}_{task}{'' if i == 1 else f'_{i}'}.png" for i in range(1, len(pictures) + 2))
        target = next(name for name in names if name.resolve() not in taken)
        taken.add(target.resolve())
        targets.append(target)
    return targets
