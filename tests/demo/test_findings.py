"""The list of what was found, as HTML: complete, in both languages, and harmless whatever the names are."""
from __future__ import annotations

from pathlib import Path

import pytest

from d2lzh_cv.commands.demo import findings, wording
from d2lzh_cv.commands.demo.answers import Answer

HOSTILE = "<img src=x onerror=alert(1)>\"'&.png"


def test_names_of_files_and_classes_are_escaped():
    answer = Answer(Path(HOSTILE), (9, 9), [HOSTILE], "detect", [{"class": HOSTILE, "score": 0.5, "box": [0, 0, 1, 1]}])
    html = findings.to_html([answer], [HOSTILE], 0.3, "en")
    assert "<img" not in html and html.count("&lt;img src=x") == 3


def test_a_row_per_finding_with_its_value():
    found = [{"class": "cat", "pixels": 60, "share": 0.6}, {"class": "background", "pixels": 40, "share": 0.4}]
    html = findings.to_html([Answer(Path("a.png"), (10, 10), ["background", "cat"], "segment", found)], [], 0, "en")
    assert html.count("<li>") == 2 and "60.0%" in html and "rgb(128, 0, 0)" in html and "transparent" in html


@pytest.mark.parametrize(("language", "says"), [("en", "nothing that scores 0.3 or more"),
                                                ("zh", "没有得分不低于0.3的目标")])
def test_nothing_found_is_said(language, says):
    assert says in findings.to_html([Answer(Path("a.png"), (9, 9), ["cat"], "detect", [])], [], 0.3, language)


def test_every_text_has_both_languages_and_the_same_places():
    for key, both in wording.TEXTS.items():
        assert len(both) == 2 and all(both), key
        places = [sorted(part.split("}")[0] for part in text.split("{")[1:]) for text in both]
        assert places[0] == places[1], key


@pytest.mark.parametrize(("accepted", "language"), [("zh-CN,zh;q=0.9,en", "zh"), ("zh", "zh"), ("en-GB,zh", "en"),
                                                    ("fr", "en"), ("", "en")])
def test_the_browser_decides_the_language(accepted, language):
    assert wording.language_for("auto", {"accept-language": accepted}) == language
    assert wording.language_for("zh", {"accept-language": accepted}) == "zh"
