"""The examples of docs/differences.md run and print what stands there."""
from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "differences.md"
SECTIONS = re.split(r"^#+ ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict:
    """What earlier examples defined, for later ones to use."""
    return {}


def test_every_difference_has_an_example():
    titles = [section.splitlines()[0] for section in SECTIONS if not BLOCK.search(section)]
    assert titles == ["From the book", "From d2l's PyTorch version", "From torchvision and GluonCV", "Of MXNet itself"]


def test_the_examples(names, capsys):
    """In order, each with the names of those before; a failure shows the example and both outputs."""
    runner, parser = doctest.DocTestRunner(verbose=False), doctest.DocTestParser()
    for section in SECTIONS:
        title = section.splitlines()[0]
        for block in BLOCK.findall(section):
            test = parser.get_doctest(block, names, title, PAGE.name, 0)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
    results = runner.summarize(verbose=False)
    assert results.attempted > 40
    assert results.failed == 0, capsys.readouterr().out
