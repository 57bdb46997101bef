"""A chapter script as a notebook: prose in the chosen language, definitions in place, parameters in one cell.

Uses jupytext and nbclient, of the extra "notebook".
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import contents, files
from ..contents import SectionInfo
from ..errors import InputError
from ..run import cells, parameters
from .definitions import Definitions, shown
from .prose import unwrapped

LANGUAGES = ("zh", "en", "both")
MARK = "d2lzh_cv"  # in the metadata of our notebooks: the section
EXTRA = "pip install -c constraints.txt '.[notebook]'"
TIMEOUT = 3600  # seconds per cell


def build(info: SectionInfo, language: str, quick: bool, texts: Sequence[str] = (), speak: bool = True) -> Any:
    """Return the notebook (nbformat) of the section ``info``.

    Args:
        language: of the prose, one of :data:`LANGUAGES`.
        quick: write the values of quick mode into the cell of parameters.
        texts: parameters to set, NAME=VALUE.
        speak: let the figures that a reader can move speak ``language``; otherwise that of the page they are on.

    Raises:
        InputError: jupytext is not installed, or a parameter is wrong.
    """
    jupytext, chosen = _jupytext(), parameters.choose(info, quick, texts)
    notebook = jupytext.read(contents.script_path(info), fmt="py:percent")
    definitions, built = Definitions(), []
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)
        spoken, tags = cell.metadata.get("lang"), cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            if spoken in (None, language) or language == "both":
                cell.source = unwrapped(cell.source) if spoken == "zh" else cell.source
                built.append(cell)
        elif shown(cell.source):
            built += [type(cell)({**cell, "source": definitions.cell(one), "metadata": {}})
                      for one in shown(cell.source)]
        elif cells.QUICK in tags:
            if quick:
                _parameters(built).source += f"\n# quick mode: small pictures, few epochs\n{cell.source}"
        else:
            definitions.learn(cell.source)
            built.append(cell)
    if chosen:
        _parameters(built).source += "".join(f"\n{name} = {value!r}" for name, value in chosen.items())
    _start(built, quick)
    if speak and language != "both":
        _speak(built, language)
    for number, cell in enumerate(built):
        cell["id"] = f"cell-{number}"  # a notebook written again is the same
    notebook.cells = built
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                         "language_info": {"name": "python"}, MARK: info.number}
    return notebook


def _parameters(built: list[Any]) -> Any:
    return next(cell for cell in built if cells.PARAMETERS in cell.metadata.get("tags", []))


def _start(built: list[Any], quick: bool) -> None:
    """Let annotations of definitions be text, as in the package's modules, and tell ``d2l.start`` the mode."""
    first = next(cell for cell in built if cell.cell_type == "code")
    mode = ", quick=True)" if quick else ")"
    lines = [f"{line[:-1]}{mode}" if line.startswith("d2l.start(") else line for line in first.source.splitlines()]
    first.source = "\n".join(["from __future__ import annotations", "", *lines])


def _speak(built: list[Any], language: str) -> None:
    """Let the figures that a reader can move speak the language of the prose."""
    for cell in built:
        if cell.cell_type == "code" and cell.source.startswith("d2l.show_interactive("):
            cell.source = f'{cell.source[:-1]}, lang="{language}")'


def require_client() -> None:
    """Raise InputError if notebooks cannot be executed here."""
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError as error:
        raise InputError(f"--execute needs {error.name}: {EXTRA}") from error


def execute(notebook: Any, folder: Path) -> Any:
    """Run all cells of ``notebook`` in ``folder`` and return it with its outputs.

    Raises:
        InputError: a cell failed.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": folder}},
                            extra_arguments=["--log-level=40"])  # errors only: it warns that it uses TCP
    try:
        client.execute(env={**os.environ, "D2LZH_CV_PROGRESS": "0"})  # a bar would stay in the output
    except CellExecutionError as error:
        raise InputError(f"section {notebook.metadata[MARK]}: {error.ename}: {error.evalue}") from error
    return notebook


def file_name(info: SectionInfo, language: str) -> str:
    """Return the name of a notebook's file, such as ch09_07_ssd.zh.ipynb."""
    middle = "" if language == "both" else f".{language}"
    return f"{Path(info.script).stem}{middle}.ipynb"


def check_folder(folder: Path, names: Sequence[str], force: bool) -> None:
    """Raise InputError if ``folder`` holds foreign files, or one of ``names`` without ``force``."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for --out")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    foreign = [name for name in there if not name.endswith(".ipynb") and name not in (".ipynb_checkpoints", "runs")]
    if foreign:
        raise InputError(f"{folder} holds {foreign[0]}, which is no notebook; name another folder for --out")
    taken = [name for name in names if name in there]
    if taken and not force:
        raise InputError(f"{folder / taken[0]} exists and may hold your changes; name another folder for --out, or "
                         "add --force to replace it")


def write(notebook: Any, path: Path) -> Path:
    """Write ``notebook`` to ``path`` and return the path."""
    import nbformat
    with files.write_atomically(path) as file:
        file.write((nbformat.writes(notebook) + "\n").encode())
    return path


def _jupytext() -> Any:
    try:
        import jupytext
    except ImportError as error:
        raise InputError(f"notebooks need jupytext: {EXTRA}") from error
    return jupytext
