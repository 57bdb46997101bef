"""The house: no module imports a higher layer, no imports go in circles, and no name hides what a module is."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import d2lzh_cv

ROOT = Path(d2lzh_cv.__file__).parent
LAYERS = ({"errors", "files", "locks", "fonts", "devices", "plotting", "interactive", "contents",
           "compat"}, {"data"}, {"engine"},
          {"augmentation", "finetuning", "resnet", "boxes", "anchors", "ssd", "rcnn", "transposed_conv", "fcn", "style",
           "training", "metrics", "weights"}, {"models"}, {"run"}, {"exercises", "book"},
          {"commands", "cli", "__main__", "__init__"})
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}
FILES = {path.relative_to(ROOT.parent).with_suffix("").parts: path for path in ROOT.rglob("*.py")}


def imports(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The modules of the package that a module imports anywhere in it, in functions and for type checks too."""
    for node in ast.walk(ast.parse(FILES[parts].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from filter(None, (module(tuple(alias.name.split("."))) for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            base = parts[:len(parts) - node.level] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from filter(None, (module((*base, alias.name)) or module(base) for alias in node.names))


def module(parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """The module of that name; a package is its __init__."""
    return parts if parts in FILES else (*parts, "__init__") if (*parts, "__init__") in FILES else None


GRAPH = {parts: set(imports(parts)) - {parts} for parts in FILES}


def test_every_module_has_a_layer():
    assert {parts[1] for parts in FILES} == set(LAYER_OF)


def test_no_import_goes_up():
    up = [f"{'.'.join(parts)} -> {'.'.join(wanted)}" for parts, found in GRAPH.items() for wanted in found
          if LAYER_OF[wanted[1]] > LAYER_OF[parts[1]]]
    assert not up


def test_no_imports_go_in_circles():
    TopologicalSorter(GRAPH).prepare()  # raises CycleError, which names the circle


def test_no_function_below_the_runs_takes_a_section_s_run():
    found = [f"{'.'.join(parts)}: {node.name}" for parts, path in FILES.items() if LAYER_OF[parts[1]] < LAYER_OF["run"]
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
             and "run" in {arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}]
    assert not found


def test_a_name_is_given_once():
    """Two modules whose names differ by a plural or an underscore at most are taken for each other."""
    places = {}
    for parts in FILES:
        if parts[1] != "commands" and not parts[-1].startswith("__"):  # a command's module has the command's name
            name = parts[-1].rstrip("s").replace("_", "")
            places.setdefault(name, set()).add(".".join(parts))
    for package in {parts[:-1] for parts in FILES if parts[-1] == "__init__"}:
        places.setdefault(package[-1].rstrip("s").replace("_", ""), set()).add(".".join(package))
    assert not [sorted(same) for same in places.values() if len(same) > 1]


def test_a_script_s_name_is_given_once():
    """A script is chosen by its name wherever it lies."""
    names = [path.name for path in (ROOT.parent / "chapters").rglob("*.py")]
    assert sorted(names) == sorted(set(names))


def test_the_top_shows_the_chapter_at_a_glance():
    assert len(list(ROOT.glob("*.py"))) <= 20
    assert len([path for path in ROOT.iterdir() if (path / "__init__.py").is_file()]) <= 13
