"""A chapter script cell by cell, as a notebook runs it: ``d2l.start("9.7")`` in its first cell runs the cells below.

After each cell its figures are saved, and the value of its last line is printed and kept for the comparison with the
book. So a script holds the section and nothing else.
"""
from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path
from types import FrameType
from typing import Any

from ..engine import distributed
from ..errors import InputError
from . import cells, redefined, section
from .cells import Cell
from .section import Section


def start(number: str, quick: bool = False, resume: bool = False) -> None:
    """Begin a section of the chapter (see :func:`d2lzh_cv.run.section.start`); in a script, run the cells below.

    In a notebook the reader runs the cells. A script ends here, with the exit code.

    Args:
        number: of the section, such as "9.7".
        quick: in a notebook, whether it has the values of quick mode; a script has the flag ``--quick``.
        resume: in a notebook, resume the newest run's trainings where they stopped; a script has ``--resume``.

    Raises:
        InputError: see :func:`d2lzh_cv.run.section.start`; or ``-p`` is given to a script without cells.
    """
    run, caller = section.start(number, quick, resume), sys._getframe(1)
    run.namespace = caller.f_globals
    below = [] if run.notebook else _cells_below(caller)
    if run.notebook:
        redefined.watch(sys.modules["IPython"].get_ipython())
    if not below:  # a notebook, or a script without cells, as nbconvert writes it
        if run.chosen:
            raise InputError("this script has no cells, so -p and --epochs cannot set parameters; change them in it")
        run.finishes_at_exit = True
        return
    path = Path(caller.f_code.co_filename)
    for cell in below:
        if cells.AFTER_TRAINING in cell.tags and distributed.rank() > 0:
            run.namespace = {}  # worker 0 alone has results
            break
        if cell.kind == "code" and (run.quick or cells.QUICK not in cell.tags):
            run_cell(cell, path, run)
    run.finish()
    raise SystemExit


def _cells_below(caller: FrameType) -> list[Cell]:
    path = Path(caller.f_code.co_filename)
    return [cell for cell in cells.read(path) if cell.line > caller.f_lineno] if path.is_file() else []


def run_cell(cell: Cell, path: Path, run: Section) -> None:
    """Run a code cell of the script ``path``, print the value of its last line, and save its figures."""
    tree = ast.increment_lineno(ast.parse(cell.source), cell.line - 1)
    last = tree.body.pop() if tree.body and _shows_its_value(tree.body[-1], cell.source) else None
    exec(compile(tree, str(path), "exec"), run.namespace)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), str(path), "eval"), run.namespace)
        run.shown.setdefault(ast.unparse(last.value), value)
        _show(value, cell, run)
    if {cells.PARAMETERS, cells.QUICK} & {*cell.tags}:
        run.namespace.update(run.chosen)
    _save_figures(cell, run)


def _shows_its_value(statement: ast.stmt, source: str) -> bool:
    """Return True for an expression that no semicolon ends, as in a notebook."""
    signs = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline)
             if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)]
    return isinstance(statement, ast.Expr) and signs[-1] != ";"


def _show(value: Any, cell: Cell, run: Section) -> None:
    """Print ``value`` as a notebook does; save a picture (of PIL) pixel for pixel."""
    if hasattr(value, "_repr_png_"):
        run.save_picture(_name(cell), value, _caption(cell))
    elif value is not None:
        print(repr(value))


def _save_figures(cell: Cell, run: Section) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    numbers = pyplot.get_fignums() if pyplot else []
    for k, number in enumerate(numbers, start=1):
        name = _name(cell) if len(numbers) == 1 else f"{_name(cell)}_{k}"
        run.save_figure(name, _caption(cell), pyplot.figure(number))


def _name(cell: Cell) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.options.get("figure", "figure").lower())


def _caption(cell: Cell) -> str:
    return " · ".join(filter(None, (cell.options.get("zh"), cell.options.get("en"))))
