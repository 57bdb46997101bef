"""Cells of a script, and how a script runs them."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from section_kit import run_python, write_script

from d2lzh_cv import contents
from d2lzh_cv.errors import InputError
from d2lzh_cv.run import cells

SCRIPT = '''\
# %% [markdown] lang="zh"
# # 标题
#
# 文字 $x$
# %% [markdown] lang="en"
# # Title
# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import recorded
recorded.RECORDED.clear()  # the toy has nothing to compare

d2l.start("9.3")

# %% tags=["parameters"]
side, rate = 4, 0.5

# %% tags=["quick"]
side = 2

# %%
import numpy as np
square = np.ones((side, side))
square.shape

# %%
square.sum();  # not shown

# %%
print("rate", rate)
None
# %% figure="two lines" zh="线" en="lines"
d2l.plt.plot([0, side], [0, 1]);
'''


def write(folder: Path, text: str = SCRIPT) -> Path:
    path = write_script(folder, "9.3", "")
    path.write_text(text, encoding="utf-8")
    return path


def test_cells_are_read_with_options_and_lines(tmp_path):
    path = write(tmp_path)
    found = cells.read(path)
    assert [(cell.kind, cell.language, cell.tags) for cell in found[:5]] == [
        ("markdown", "zh", ()), ("markdown", "en", ()), ("code", None, ()), ("code", None, ("parameters",)),
        ("code", None, ("quick",))]
    assert found[0].source == "# 标题\n\n文字 $x$" and found[-1].options["figure"] == "two lines"
    lines = SCRIPT.splitlines()
    assert all(lines[cell.line - 1].lstrip("# ") == cell.source.splitlines()[0].lstrip("# ") for cell in found)


@pytest.mark.parametrize("marker", ["# %% quick", '# %% tags=parameters', "# %% en='x'"])
def test_an_option_that_is_not_understood_is_named_with_its_line(tmp_path, marker):
    with pytest.raises(InputError, match=r"line 2: .* is not understood"):
        cells.read(write(tmp_path, f"# a script\n{marker}\n"))


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_jupytext_reads_the_same_cells(info):
    jupytext = pytest.importorskip("jupytext")
    ours, theirs = cells.read(contents.script_path(info)), jupytext.read(contents.script_path(info)).cells
    for cell in theirs:
        cell.metadata.pop("lines_to_next_cell", None)  # how many empty lines it would write
    assert [(cell.kind, cell.source, cell.options) for cell in ours] == [
        (cell.cell_type, cell.source, dict(cell.metadata)) for cell in theirs]


def run(tmp_path: Path, *flags: str, text: str = SCRIPT) -> tuple[int, str, str, dict]:
    path = write(tmp_path, text)
    code, out, err = run_python(tmp_path, str(path), "--out", "out", *flags)
    results = tmp_path / "out" / "9.3" / "results.json"
    return code, out, err, json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}


def test_a_script_shows_last_lines_and_keeps_its_figures(tmp_path):
    code, out, err, results = run(tmp_path, "--quick")
    assert code == 0, err
    assert out.splitlines()[:2] == ["(2, 2)", "rate 0.5"]
    assert results["figures"] == [{"file": "01_two_lines.png", "caption": "线 · lines"}]
    assert results["parameters"] == {} and results["results"] == {}  # 9.3 itself has no parameter


def test_an_error_names_the_line_of_the_script(tmp_path):
    text = SCRIPT.replace("square.sum();", "1 / 0;")
    code, _, err, _ = run(tmp_path, text=text)
    number = text.splitlines().index("1 / 0;  # not shown") + 1
    assert code == 1 and f"line {number}," in err and "ZeroDivisionError" in err


PLAIN = 'import d2lzh_cv as d2l\n\nd2l.start("{}")\nnet = 1\nprint("plain")\n'  # as nbconvert writes it


@pytest.mark.parametrize("number", ["9.3", "9.7"])
def test_a_script_without_cells_ends_well_with_what_is_there(tmp_path, number):
    path = write_script(tmp_path, number, "")
    path.write_text(PLAIN.format(number))
    code, out, err = run_python(tmp_path, str(path), "--out", "out")
    assert code == 0 and out.startswith("plain") and "Exception" not in err, err
    results = json.loads((tmp_path / "out" / number / "results.json").read_text(encoding="utf-8"))
    assert (results["status"], results["results"]) == ("ok", {})


def test_parameters_of_a_script_without_cells_are_refused(tmp_path):
    path = write_script(tmp_path, "9.7", "")
    path.write_text(PLAIN.format("9.7"))
    code, out, err = run_python(tmp_path, str(path), "--out", "out", "-p", "num_epochs=2")
    assert code == 2 and out == "" and "has no cells" in err
