"""The source of what ``d2l.show_code`` shows, as notebook cells that define it, with all that it needs."""
from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .. import contents
from ..compat.d2l_names import MODULE_OF
from ..contents import SectionInfo
from ..run import cells

PACKAGE = Path(__file__).resolve().parents[1]
SAVED = "#@save in {}.py"  # first line of a definition's cell; see d2lzh_cv.run.redefined


def shown(source: str) -> list[str]:
    """Return what a cell shows by ``d2l.show_code(d2l.name, ...)``, such as "d2l.name"; empty for another cell."""
    body = ast.parse(source).body
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "d2l.show_code":
        return [ast.unparse(argument) for argument in call.args]
    return []


def of_section(info: SectionInfo) -> dict[str, str]:
    """Return the definitions that a section's script shows, in its order: source by name, such as "d2l.TinySSD"."""
    definitions, found = Definitions(), {}
    for cell in cells.read(contents.script_path(info)):
        if cell.kind != "code":
            continue
        names = shown(cell.source)
        found.update({name: definitions.cell(name).partition("\n")[2] for name in names})
        if not names:
            definitions.learn(cell.source)
    return found


@dataclass
class Definitions:
    """Writes the cells of one notebook, each import and constant once.

    Attributes:
        known: the names that earlier cells have defined or imported.
        imported: what the script's imports mean, such as "tiling": "d2lzh_cv.exercises.tiling".
    """

    known: set[str] = field(default_factory=set)
    imported: dict[str, str] = field(default_factory=dict)

    def learn(self, source: str) -> None:
        """Note the names that a code cell of the script binds."""
        tree = ast.parse(source)
        self.known |= set(_bindings(tree))
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom):
                self.imported.update({alias.asname or alias.name: f"{statement.module}.{alias.name}"
                                      for alias in statement.names})

    def cell(self, expression: str) -> str:
        """Return the source of a cell that defines the function or class ``expression``, such as "d2l.iou"."""
        first, _, rest = expression.partition(".")
        path = f"d2lzh_cv.{MODULE_OF[rest]}.{rest}" if first == "d2l" else f"{self.imported[first]}.{rest}".rstrip(".")
        module, _, name = path.rpartition(".")
        module = _defining(module, name)
        tree, text = _parsed(module)
        bound = _bindings(tree)
        imports, constants = self._needs(bound[name], name, module)
        self.known.add(name)
        definition = _source(text, bound[name])
        parts = ["\n".join(_grouped(imports)), "\n".join(constants), definition]
        head = SAVED.format(module.replace(".", "/"))
        return "\n".join([head, "\n\n\n".join(filter(None, parts)) if imports or constants else definition])

    def _needs(self, node: ast.stmt, name: str, module: str) -> tuple[set[str], list[str]]:
        """Return the imports and the constants that ``node`` uses and no earlier cell has."""
        tree, text = _parsed(module)
        bound, imports, constants = _bindings(tree), set(), []
        used = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
        for other in dict.fromkeys(used):
            needed = bound.get(other)
            if needed is None or other == name or other in self.known:
                continue
            self.known.add(other)
            if isinstance(needed, (ast.Import, ast.ImportFrom)):
                imports.add(_import_of(other, needed, module))
            elif isinstance(needed, (ast.Assign, ast.AnnAssign)) and not other.startswith("_"):
                more, before = self._needs(needed, other, module)
                imports |= more
                constants += [*before, _source(text, needed)]
            else:
                imports.add(f"from {module} import {other}")
        return imports, list(dict.fromkeys(constants))


def _grouped(imports: set[str]) -> list[str]:
    """Return one import per module, this package's last."""
    names: dict[str, list[str]] = {}
    for line in sorted(imports):
        if line.startswith("from"):
            module, _, name = line.partition(" import ")
            names.setdefault(module, []).append(name)
        else:
            names[line] = []
    lines = [f"{module} import {', '.join(parts)}" if parts else module for module, parts in names.items()]
    return sorted(lines, key=lambda line: (" d2lzh_cv" in line, line.startswith("from"), line))


def _defining(module: str, name: str) -> str:
    """Return the module whose source defines ``module.name``; a package only imports it."""
    while isinstance(statement := _bindings(_parsed(module)[0])[name], ast.ImportFrom):
        module = _import_of(name, statement, module).split()[1]
    return module


@cache
def _parsed(module: str) -> tuple[ast.Module, str]:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    return ast.parse(text), text


def _bindings(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return the statement that binds each name at the top level; imports for type checkers count too."""
    bound: dict[str, ast.stmt] = {}
    statements = [inner for one in tree.body for inner in (one.body if isinstance(one, ast.If) else [one])]
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            bound[statement.name] = statement
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            bound.update({(alias.asname or alias.name).split(".")[0]: statement for alias in statement.names})
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            bound.update({one.id: statement for target in targets for one in ast.walk(target)
                          if isinstance(one, ast.Name)})
    return bound


def _import_of(name: str, statement: ast.Import | ast.ImportFrom, module: str) -> str:
    """Return the import of ``name`` alone, with the whole name of its module."""
    alias = next(one for one in statement.names if (one.asname or one.name).split(".")[0] == name)
    renamed = f" as {alias.asname}" if alias.asname else ""
    if isinstance(statement, ast.Import):
        return f"import {alias.name}{renamed}"
    package = module.split(".")[:-1] if not _is_package(module) else module.split(".")
    start = ".".join(package[:len(package) - statement.level + 1]) if statement.level else ""
    return f"from {'.'.join(filter(None, (start, statement.module)))} import {alias.name}{renamed}"


def _is_package(module: str) -> bool:
    return PACKAGE.joinpath(*module.split(".")[1:]).is_dir()


def _source(text: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    return "\n".join(text.splitlines()[first - 1:node.end_lineno])
