"""``d2lzh-cv data pack``: the reader's own annotated pictures, checked and packed for sections 9.7 and 9.10."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..run.flags import add_debug_flag

FORMATS = ("auto", "voc", "cvat", "coco", "yolo", "csv", "masks")
EPILOG = """formats:
  voc    a folder with Pascal VOC .xml files (Annotations/, JPEGImages/, ImageSets/Main/ if there)
  cvat   the .xml of CVAT's export "for images"
  coco   a folder with COCO .json files, or the .json itself
  yolo   images/ and labels/ (or side by side), with data.yaml, classes.txt or obj.names
  csv    a table (.csv, .tsv) with columns filename, class, xmin, ymin, xmax, ymax (or x, y, w, h), in pixels or
         relative; also the tables of make-sense, Open Images and VIA
  masks  images/ and masks/ (or a VOC tree): indexed or coloured masks of the same names, for section 9.10

A picture without objects (an empty label file, a row of COCO without boxes) is background.
Texts are UTF-8, else Chinese (GB18030), else --encoding says what.

Everything is checked first. Any problem is listed with its file, and nothing is written (exit code 2).

example:
  d2lzh-cv data pack my_pictures packed
  d2lzh-cv run 9.7 --data packed
  d2lzh-cv predict detect runs/latest/9.7 photo.jpg --out found"""


def add(commands) -> None:
    """Add the command ``pack`` to the parsers of ``data``."""
    text = "check your own annotated pictures and pack them for sections 9.7 (boxes) and 9.10 (masks)"
    parser = commands.add_parser("pack", help=text, description=text.capitalize() + ".", epilog=EPILOG,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, metavar="SRC", help="folder (or .json, .csv file) of the annotations")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make; afterwards --data OUT trains on it")
    parser.add_argument("--format", choices=FORMATS, default="auto", dest="kind",
                        help="of the annotations (default: auto, by what is there)")
    parser.add_argument("--val-ratio", type=float, metavar="PART",
                        help="draw this part for validation (default: the set's own split, or 0.1)")
    parser.add_argument("--classes", metavar="FILE|A,B,C", help="class names in the order of their numbers")
    parser.add_argument("--pictures", type=Path, metavar="DIR",
                        help="where the pictures are (default: with the annotations, or images/ beside their folder)")
    parser.add_argument("--encoding", metavar="NAME", help="of the texts, such as latin-1, big5, shift_jis "
                        "(default: UTF-8, or else GB18030)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out the pictures with a problem and go on")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn split (default: 0)")
    add_debug_flag(parser)
    parser.set_defaults(command=_pack)


def _pack(flags: argparse.Namespace) -> int:
    from ..data.own.pack import pack
    from ..data.own.summary import BadData
    classes = None if flags.classes is None else _classes(flags.classes, flags.encoding)
    try:
        summary = pack(flags.src, flags.out, flags.kind, flags.val_ratio, classes, flags.skip_bad, flags.seed,
                       flags.pictures, flags.encoding)
    except BadData as error:
        _list(error.problems)
        raise
    _list(summary.problems)
    print("\n".join(summary.lines))
    return 0


def _list(problems) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


def _classes(text: str, encoding: str | None) -> list[str]:
    """The lines of a file of that name, else the words between commas."""
    from ..data.own.names import read_list
    from ..data.own.text import Texts
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):  # longer than a file's name can be
        is_file = False
    return read_list(Path(text), Texts(encoding)) if is_file else [word.strip() for word in text.split(",")
                                                                   if word.strip()]
