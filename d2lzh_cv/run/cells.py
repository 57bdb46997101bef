"""The cells of a chapter script in the percent format, which jupytext, VS Code and Spyder read too."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError

MARKER = re.compile(r"# %%( \[markdown\])?(.*)")
OPTION = re.compile(r"""\s*([a-z_]+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|true|false)""")
PARAMETERS, QUICK, AFTER_TRAINING = "parameters", "quick", "after-training"  # tags of code cells


@dataclass(frozen=True)
class Cell:
    """A cell of a script.

    Attributes:
        kind: "code" or "markdown".
        source: the text, of a markdown cell without the comment signs.
        line: the number of the text's first line in the file, from 1.
        options: what stands behind the marker, such as ``lang="zh"`` or ``tags=["parameters"]``.
    """

    kind: str
    source: str
    line: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the cell."""
        return tuple(self.options.get("tags", ()))

    @property
    def language(self) -> str | None:
        """The language of a markdown cell, "zh" or "en"; None: it is for both."""
        return self.options.get("lang")


def read(path: Path) -> list[Cell]:
    """Read the cells of the script ``path``; lines before the first marker are no cell.

    Raises:
        InputError: the file cannot be read, or what stands behind a marker is not understood.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    starts = [i for i, line in enumerate(lines) if MARKER.fullmatch(line)]
    return [_cell(lines[start:end], start + 1, path) for start, end in zip(starts, [*starts[1:], len(lines)])]


def _cell(lines: list[str], number: int, path: Path) -> Cell:
    markdown, options = MARKER.fullmatch(lines[0]).groups()
    if OPTION.sub("", options).strip():
        raise InputError(f"{path}, line {number}: {options.strip()!r} is not understood; write name=\"value\"")
    values = {name: json.loads(value) for name, value in OPTION.findall(options)}
    body = [re.sub("^# ?", "", line) for line in lines[1:]] if markdown else lines[1:]
    return Cell("markdown" if markdown else "code", "\n".join(body).rstrip(), number + 1, values)
