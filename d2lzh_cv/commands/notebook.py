"""``d2lzh-cv notebook``: write sections as Jupyter notebooks."""
from __future__ import annotations

import argparse
from pathlib import Path

from .. import contents
from ..run.flags import add_debug_flag, add_mode_flags, add_parameter_flag

LANGUAGES = ("zh", "en", "both")  # as in d2lzh_cv.book.notebook, which imports the run's modules


def add(commands) -> None:
    """Add the command ``notebook``."""
    text = "write sections as Jupyter notebooks, with all definitions in place"
    parser = commands.add_parser(
        "notebook", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="A definition or a parameter that you change in a notebook takes effect in the cells below. Open a "
               "notebook with jupyter lab; it needs the extra notebook. Example: d2lzh-cv notebook 9.7 --lang zh")
    parser.add_argument("sections", nargs="*", metavar="SECTION", default=["all"],
                        help="as for d2lzh-cv run (default: all, the book's 13)")
    parser.add_argument("--lang", choices=LANGUAGES, default="both", help="language of the prose (default: both)")
    parser.add_argument("--out", type=Path, default=Path("notebooks"), metavar="DIR",
                        help="folder of the notebooks (default: notebooks)")
    parser.add_argument("--execute", action="store_true", help="run the notebooks and save their outputs")
    parser.add_argument("--force", action="store_true", help="replace notebooks that exist")
    add_mode_flags(parser)
    add_parameter_flag(parser)
    add_debug_flag(parser)
    parser.set_defaults(command=_notebook)


def _notebook(flags: argparse.Namespace) -> int:
    from ..book import notebook
    infos = contents.select(flags.sections)
    paths = [flags.out / notebook.file_name(info, flags.lang) for info in infos]
    notebook.check_folder(flags.out, [path.name for path in paths], flags.force)
    built = [notebook.build(info, flags.lang, flags.quick, flags.parameters) for info in infos]
    if flags.execute:
        notebook.require_client()
    for info, one, path in zip(infos, built, paths):
        if flags.execute:
            print(f"running {info.number} {info.english}", flush=True)
            flags.out.mkdir(parents=True, exist_ok=True)
            notebook.execute(one, flags.out)
        print(notebook.write(one, path), flush=True)
    return 0
