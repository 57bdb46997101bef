"""Another data set and another section: one record each, beside a reader and a script, and every command knows them."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from section_kit import ROOT

SET = '''\
        Item("dots", "white dots on black", "Apache-2.0", (_loose(("https://example.org/",), {"dots.npy": "0" * 40}),),
             "dots", 1, locate=lambda root: places.fetched(root, "dots"), looks_for="dots/dots.npy",
             draw=_later("dots.draw"), check=_later("dots.check")),
'''
READER = '''\
"""White dots on black."""
import numpy as np


def load_dots(folder):
    return np.load(folder / "dots.npy")


def draw(folder, rng):
    np.save(folder / "dots.npy", rng.random((5, 8, 8)) > 0.9)


def check(folder, report):
    report.facts.append(f"{len(load_dots(folder))} pictures")
'''
SECTION = '''\
    SectionInfo("9.14", "dots", "Dots", "点", ("dots",), 1, predicts=None),
'''
RECORDED = 'RECORDED["9.14"] = {"dots": "dots.sum()"}\n'
SCRIPT = '''\
# %%
import d2lzh_cv as d2l

d2l.start("9.14")

# %%
from d2lzh_cv.data.dots import load_dots

dots = load_dots(d2l.data_folder("dots"))
dots.shape
'''


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with one more set and one more section."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "d2lzh_cv", folder / "d2lzh_cv", ignore=shutil.ignore_patterns("__pycache__"))
    insert(folder / "d2lzh_cv" / "data" / "catalogue.py", '        Item("weights",', SET)
    insert(folder / "d2lzh_cv" / "contents.py", ')\n\n\ndef _beyond(', SECTION)
    insert(folder / "d2lzh_cv" / "run" / "recorded.py", "KEPT: dict", RECORDED)
    (folder / "d2lzh_cv" / "data" / "dots.py").write_text(READER)
    (folder / "chapters").mkdir()
    (folder / "chapters" / "ch09_14_dots.py").write_text(SCRIPT)
    return folder


def insert(path, before, lines):
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, lines + before), encoding="utf-8")


def command(folder, *argv):
    done = subprocess.run([sys.executable, "-m", "d2lzh_cv", *argv], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(folder), "D2LZH_CV_CACHE": str(folder / "cache")})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_section_is_listed_and_found_by_each_of_its_names(extended):
    assert "9.14" in command(extended, "list")
    for name in ("9.14", "dots", "ch09_14_dots.py"):
        assert "9.14 ok in" in command(extended, "run", name, "--data", "synthetic", "--out", "found")


def test_the_set_is_listed_drawn_checked_and_read(extended):
    row = {row["name"]: row for row in json.loads(command(extended, "data", "list", "--json"))}["dots"]
    assert (row["what"], row["sections"], row["licence"]) == ("white dots on black", "9.14", "Apache-2.0")
    command(extended, "data", "make", "dots", "--out", "root", "--seed", "3")
    assert "5 pictures; problems: none" in command(extended, "data", "check", "--data", "root")
    command(extended, "run", "9.14", "--data", "root", "--out", "o")
    results = json.loads((extended / "o/9.14/results.json").read_text())
    assert results["data"][0]["kind"] == "real" and results["results"]["dots"] > 0
    assert "the book's set is not in" in command(extended, "run", "9.14", "--out", "drawn")
    assert "Dots" in (extended / "o/report.html").read_text()
