"""Notebooks: built for every section, complete in themselves, executed, and changed by a reader."""
from __future__ import annotations

import ast
import builtins
import dis
import sys
import types

import pytest

from d2lzh_cv import anchors, boxes, cli, contents, rcnn
from d2lzh_cv.run import redefined

pytest.importorskip("jupytext")
nbclient = pytest.importorskip("nbclient")

from d2lzh_cv.book import notebook  # noqa: E402
from d2lzh_cv.book.prose import unwrapped  # noqa: E402

BOX = contents.find("9.3")


def code(built) -> list[str]:
    return [cell.source for cell in built.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_a_notebook_defines_what_it_shows(info):
    """Each function of a definition's cell finds its global names in the cells before it, by import or definition."""
    names = dict(vars(builtins))
    for source in code(notebook.build(info, "zh", quick=True)):
        assert "show_code" not in source
        if source.startswith("#@save"):
            module = types.ModuleType("__main__")
            module.__dict__.update(names)
            exec(compile("from __future__ import annotations\n" + source, info.number, "exec"), module.__dict__)
            names = module.__dict__
            kinds = (ast.FunctionDef, ast.ClassDef)
            made = [names[one.name] for one in ast.parse(source).body if isinstance(one, kinds)]
            missing = {name for one in made for name in used(one) if name not in names}
            assert made and not missing, (source[:200], missing)
        else:  # the imports of the script's own cells, which a definition may use
            imports = [one for one in ast.parse(source).body if isinstance(one, (ast.Import, ast.ImportFrom))]
            exec(compile(ast.Module(imports, []), info.number, "exec"), names)


def used(made) -> set[str]:
    """Return the global names that a function or the methods of a class load."""
    functions = [made] if isinstance(made, types.FunctionType) else [
        one for one in vars(made).values() if isinstance(one, types.FunctionType)]
    found, codes = set(), [one.__code__ for one in functions]
    while codes:
        one = codes.pop()
        codes += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
        found |= {step.argval for step in dis.get_instructions(one) if step.opname == "LOAD_GLOBAL"}
    return found


@pytest.mark.parametrize("language, spoken", [("zh", {"zh"}), ("en", {"en"}), ("both", {"zh", "en"})])
def test_the_prose_is_in_the_language_asked_for(language, spoken):
    built = notebook.build(BOX, language, quick=False)
    assert {cell.metadata["lang"] for cell in built.cells if cell.cell_type == "markdown"} == spoken


@pytest.mark.parametrize("language, ending", [("zh", ', lang="zh")'), ("en", ', lang="en")'), ("both", "cat_bbox])")])
def test_figures_speak_the_language_of_the_prose(language, ending):
    (cell,) = (source for source in code(notebook.build(BOX, language, quick=False)) if "show_interactive" in source)
    ast.parse(cell)
    assert cell.endswith(ending)


def test_parameters_are_in_one_cell_with_quick_mode_s_and_the_reader_s():
    ssd = contents.find("9.7")
    (cell,) = (cell for cell in notebook.build(ssd, "en", True, ["learning_rate=0.1"]).cells
               if "parameters" in cell.metadata.get("tags", []))
    names: dict = {}
    exec(cell.source, names)
    assert (names["edge_size"], names["num_epochs"], names["learning_rate"]) == (128, 30, 0.1)
    (cell,) = (cell for cell in notebook.build(ssd, "en", False).cells
               if "parameters" in cell.metadata.get("tags", []))
    exec(cell.source, names)
    assert (names["edge_size"], names["num_epochs"], names["learning_rate"]) == (256, 20, 0.2)


def test_an_executed_notebook_has_its_figures_and_no_path_of_this_computer(tmp_path, capfd):
    assert cli.main(["notebook", "9.3", "--lang", "en", "--out", str(tmp_path / "out"), "--execute"]) == 0
    import nbformat
    built = nbformat.read(tmp_path / "out" / "ch09_03_bounding_box.en.ipynb", 4)
    outputs = [output for cell in built.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/svg+xml" in output.get("data", {}) for output in outputs) == 2
    texts = [output.get("text") or output["data"].get("text/plain", "") for output in outputs]
    assert "(561, 728, 3)" in texts and not any(str(tmp_path) in text or "Path(" in text for text in texts)
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert "WARNING" not in capfd.readouterr().err


def test_a_definition_that_a_reader_changes_takes_effect_everywhere(monkeypatch):
    for module, name in ((boxes, "iou"), (anchors, "kept_boxes"), (rcnn, "roi_pooling")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back at the end
    monkeypatch.setattr(sys.modules["d2lzh_cv"], "iou", boxes.iou, raising=False)
    source = "#@save in d2lzh_cv/boxes.py\ndef iou(a, b):\n    return 'mine'\n\ndef no_such_function():\n    pass\n"
    names: dict = {}
    exec(source, names)
    assert redefined.FIRST_LINE.match(source)[1] == "d2lzh_cv/boxes"
    redefined.take_over(source, "d2lzh_cv.boxes", names)
    assert boxes.iou(1, 2) == sys.modules["d2lzh_cv"].iou(1, 2) == "mine"
    assert not hasattr(boxes, "no_such_function")


def test_foreign_files_and_notebooks_that_exist_are_safe(tmp_path, capsys):
    out = tmp_path / "out"
    argv = ["notebook", "9.3", "9.5", "--lang", "zh", "--out", str(out)]
    assert cli.main(argv) == 0 and len(list(out.glob("*.zh.ipynb"))) == 2
    before = (out / "ch09_03_bounding_box.zh.ipynb").read_bytes()
    assert cli.main(argv) == 2 and "exists and may hold your changes" in capsys.readouterr().err
    assert cli.main([*argv, "--force"]) == 0 and (out / "ch09_03_bounding_box.zh.ipynb").read_bytes() == before
    (out / "thesis.txt").write_text("mine")
    assert cli.main([*argv, "--force"]) == 2 and "thesis.txt" in capsys.readouterr().err
    assert (out / "thesis.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    assert cli.main([*argv[:-1], str(tmp_path / "file")]) == 2


@pytest.mark.parametrize("argv, message", [
    (["9.7", "-p", "nope=1"], "has no parameter nope"), (["9.99"], "no section '9.99'"),
    (["9.7", "-p", "num_epochs=x"], "is not a whole number")])
def test_wrong_input_is_one_line_and_writes_nothing(argv, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["notebook", *argv]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_jupyter_the_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert cli.main(["notebook", "9.3", "--execute"]) == 2
    assert "pip install -c constraints.txt '.[notebook]'" in capsys.readouterr().err and not list(tmp_path.iterdir())
    monkeypatch.setitem(sys.modules, "jupytext", None)
    assert cli.main(["notebook", "9.3"]) == 2
    assert "pip install -c constraints.txt '.[notebook]'" in capsys.readouterr().err


@pytest.mark.parametrize("text, joined", [
    ("图像\n分类", "图像分类"), ("mean average\nprecision", "mean average precision"), ("是$x$\n和$y$", "是$x$和$y$"),
    ("# 题\n文", "# 题\n文"), ("- 一\n  二\n- 三", "- 一二\n- 三"), ("甲\n\n乙", "甲\n\n乙"),
    ("式\n\n$$a\nb$$\n后\n文", "式\n\n$$a\nb$$\n后文"), ("```\na\nb\n```\n丙\n丁", "```\na\nb\n```\n丙丁")])
def test_chinese_lines_are_joined_without_blanks(text, joined):
    assert unwrapped(text) == joined
