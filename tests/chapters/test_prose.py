"""What a reader reads: each script says everything in Chinese and in English, with all formulas in both."""
from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from d2lzh_cv import contents
from d2lzh_cv.run import cells

SHORTEST = {"9.3": (250, 150), "9.5": (250, 150)}  # Chinese characters and English words; by default (500, 300)


def of(info) -> list[cells.Cell]:
    return cells.read(contents.script_path(info))


def prose(info, language: str) -> list[cells.Cell]:
    return [cell for cell in of(info) if cell.kind == "markdown" and cell.language == language]


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_each_cell_has_its_twin(info):
    languages = [cell.language for cell in of(info) if cell.kind == "markdown"]
    assert languages == ["zh", "en"] * (len(languages) // 2) and languages


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_twins_have_the_same_headings_formulas_and_code(info):
    for chinese, english in zip(prose(info, "zh"), prose(info, "en")):
        for pattern in (r"^#+", r"^- ", r"```"):
            found = [len(re.findall(pattern, cell.source, re.MULTILINE)) for cell in (chinese, english)]
            assert found[0] == found[1], (pattern, chinese.source[:60], english.source[:60])
        levels = [re.findall(r"^#+", cell.source, re.MULTILINE) for cell in (chinese, english)]
        assert levels[0] == levels[1], chinese.source[:60]
        blocks = [Counter(len(block.split(r"\\")) for block in re.findall(r"\$\$(.+?)\$\$", cell.source, re.DOTALL))
                  for cell in (chinese, english)]
        assert blocks[0] == blocks[1], chinese.source[:60]


@pytest.mark.parametrize("info", contents.SECTIONS, ids=lambda info: info.number)
def test_a_section_explains_itself(info):
    characters, words = SHORTEST.get(info.number, (500, 300))
    chinese, english = ("\n".join(cell.source for cell in prose(info, language)) for language in ("zh", "en"))
    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) >= characters
    assert len(re.findall(r"[A-Za-z][A-Za-z'-]+", english)) >= words


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_a_script_begins_with_its_section_and_shows_no_path(info):
    first, *others = [cell for cell in of(info) if cell.kind == "code"]
    assert first.source == f'import d2lzh_cv as d2l\n\nd2l.start("{info.number}")'
    for cell in others:
        ast.parse(cell.source)
        assert not re.search(r"noqa|\brun\.|save_figure|save_model|\.record\((?=\w+=)", cell.source), cell.source
