"""``d2lzh-cv data pack``: check the reader's own annotated pictures and pack them for sections 9.7 and 9.10."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..run.flags import add_debug_flag

FORMATS = ("auto", "voc", "cvat", "coco", "yolo", "csv", "masks")
EPILOG = """formats:
  voc    a folder with Pascal VOC .xml files (Annotations/, JPEGImages/, and optionally ImageSets/Main/)
  cvat   the .xml of CVAT's export "for images"
  coco   a folder with COCO .json files, or one .json file
  yolo   images/ and labels/ (or side by side), with data.yaml, classes.txt or obj.names
  csv    a table (.csv, .tsv) with columns filename, class, xmin, ymin, xmax, ymax (or x, y, w, h), in pixels or
         relative; also the tables of make-sense, Open Images and VIA
  masks  images/ and masks/ (or a VOC tree): indexed or coloured masks of the same names, for section 9.10

A picture without objects (an empty label file, a COCO image without boxes) is background.
Text files are UTF-8 or Chinese (GB18030); --encoding names any other encoding.

All files are checked first. Each problem is listed with its file; then nothing is written (exit code 2).

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
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make; then run 9.7 --data OUT trains on it")
    parser.add_argument("--format", choices=FORMATS, default="auto", dest="kind",
                        help="format of the annotations (default: auto, which detects it)")
    parser.add_argument("--val-ratio", type=float, metavar="PART",
                        help="draw this part at random for validation (default: the set's own split, or 0.1)")
    parser.add_argument("--classes", metavar="FILE|A,B,C", help="class names in the order of their numbers")
    parser.add_argument("--pictures", type=Path, metavar="DIR",
                        help="folder of the pictures (default: the annotations' folder, or images/ beside it)")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the text files, such as latin-1, big5, "
                        "shift_jis (default: UTF-8, else GB18030)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out pictures with a problem and pack the rest")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random split (default: 0)")
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
    """Return the lines of the file ``text`` if it exists, else the words between the commas of ``text``."""
    from ..data.own.names import read_list
    from ..data.own.text import Texts
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):  # too long for a file name
        is_file = False
    return read_list(Path(text), Texts(encoding)) if is_file else [word.strip() for word in text.split(",")
                                                                   if word.strip()]
