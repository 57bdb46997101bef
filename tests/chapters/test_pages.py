"""The pages of docs/: each in both languages, with the same code, the same figures, and links that lead somewhere."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(path.stem for path in DOCS.glob("*.md") if not path.name.endswith(".zh-CN.md"))
FENCED = re.compile(r"^```.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d.,]*(?:e-?\d+)?(?<![.,])")


def read(name: str) -> tuple[str, str]:
    """The English page and its Chinese twin."""
    return tuple((DOCS / f"{name}{suffix}.md").read_text(encoding="utf-8") for suffix in ("", ".zh-CN"))


def blocks(text: str) -> list[str]:
    """The code blocks; comments of shell commands are translated."""
    return [re.sub(r"\s+# .*", "", block) if "d2lzh-cv " in block else block for block in FENCED.findall(text)]


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_have_the_same_code_and_the_same_figures(name):
    english, chinese = read(name)
    assert blocks(english) == blocks(chinese)
    assert len(re.findall("^#+ ", english, re.M)) == len(re.findall("^#+ ", chinese, re.M))
    rows, twins = (re.findall(r"^\|.*", FENCED.sub("", text), re.M) for text in (english, chinese))
    assert [sorted(NUMBER.findall(row)) for row in rows] == [sorted(NUMBER.findall(row)) for row in twins]


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"index"}))
def test_a_page_begins_with_the_link_to_its_twin(name):
    english, chinese = read(name)
    assert english.split("\n\n")[1] == f"[中文]({name}.zh-CN.md)"
    assert chinese.split("\n\n")[1] == f"[English]({name}.md)"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", FENCED.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (DOCS / link).exists()] == []
