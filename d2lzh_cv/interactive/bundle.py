"""A figure's ES modules joined to one script, so that its output needs no other file."""
from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=const |function |class )", re.MULTILINE)
COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
INDENT = re.compile(r"^ +", re.MULTILINE)


@cache
def script(name: str) -> str:
    """Return the script of a figure: each module that it needs, once and after the modules that it imports.

    All modules share one scope, so no two of them may give a name twice.

    Args:
        name: of the figure, such as "iou".
    """
    modules: dict[str, str] = {}
    _add(f"figure_{name}", modules)
    return "".join(modules.values())


def _add(module: str, modules: dict[str, str]) -> None:
    text = (FOLDER / f"{module}.js").read_text(encoding="utf-8")
    for needed in IMPORT.findall(text):
        if needed not in modules:
            _add(needed, modules)
    for pattern in (IMPORT, EXPORT, COMMENT, INDENT):
        text = pattern.sub("", text)
    modules[module] = text
