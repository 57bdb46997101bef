"""Names in any script: a font is found wherever it is, or one line says which to install."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from d2lzh_cv import fonts, plotting
from d2lzh_cv.fonts import OWN
from d2lzh_cv.metrics.figures import show_confusion
from d2lzh_cv.models import drawing
from d2lzh_cv.plotting import plt

BASIC = " .0123456789abcdefghijklmnopqrstuvwxyz"


def triangle():
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((900, 0))
    pen.lineTo((450, 900))
    pen.closePath()
    return pen.glyph()


def make_font(path: Path, characters: str) -> str:
    """A font in which every character is a triangle."""
    builder = FontBuilder(1000, isTTF=True)
    names = {ord(letter): f"u{ord(letter):04X}" for letter in characters}
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), **{name: triangle() for name in names.values()}})
    builder.setupHorizontalMetrics({name: (1000, 0) for name in [".notdef", *names.values()]})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return str(path)


@pytest.fixture
def disk(monkeypatch):
    """The files of fonts that are on the disk; matplotlib's cache, made before, knows of its own alone."""
    found: list[str] = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(found))
    own = [font for font in font_manager.fontManager.ttflist if Path(font.fname).parent == OWN.parent]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "_SAID", set())
    for function in (fonts._best, fonts._candidates):
        function.cache_clear()
    yield found
    for function in (fonts._best, fonts._candidates):
        function.cache_clear()
    plt.close("all")


def test_plain_names_need_no_other_font(disk, capsys):
    for name in ("dog", "Łódź", "собака", "σκύλος", ""):
        assert fonts.font_of(name) == OWN
    assert capsys.readouterr() == ("", "")


def test_a_font_is_found_though_the_cache_does_not_know_it(disk, tmp_path, capsys):
    disk.append(make_font(tmp_path / "new.ttf", "狗猫" + BASIC))
    assert fonts.font_of("狗 0.91") == tmp_path / "new.ttf"
    assert capsys.readouterr() == ("", "")


def test_the_font_has_all_characters_and_stands_upright_where_there_is_a_choice(disk, tmp_path):
    """The cache may name files that are gone, and files that are no fonts lie about."""
    (tmp_path / "wqy-broken.ttf").write_bytes(b"no font")
    disk += [str(tmp_path / "gone.ttf"), str(tmp_path / "wqy-broken.ttf"),
             make_font(tmp_path / "NotoSansCJK-Bold.ttf", "狗猫" + BASIC),
             make_font(tmp_path / "a.ttf", "狗猫" + BASIC),
             make_font(tmp_path / "NotoSansCJK-Regular.ttf", "狗猫" + BASIC),
             make_font(tmp_path / "Noto Sans CJK Some.ttf", "狗" + BASIC)]
    assert fonts.font_of("猫").name == "NotoSansCJK-Regular.ttf"
    disk.remove(str(tmp_path / "NotoSansCJK-Regular.ttf"))
    fonts._best.cache_clear()
    fonts._candidates.cache_clear()
    assert fonts.font_of("猫").name == "NotoSansCJK-Bold.ttf"


def test_a_name_is_drawn_with_the_font_found_in_pictures_and_figures(disk, tmp_path, capsys, recwarn):
    disk.append(make_font(tmp_path / "new.ttf", "狗" + BASIC))
    picture = Image.new("RGB", (200, 150), "white")
    found = [{"class": "狗", "score": 0.91, "box": [20, 40, 120, 140]}]
    drawn = drawing.boxes(picture, found, ["狗"])
    disk.clear()
    fonts._best.cache_clear()
    fonts._candidates.cache_clear()
    in_boxes = drawing.boxes(picture, found, ["狗"])
    assert "狗" in capsys.readouterr().err
    assert (np.asarray(drawn) != np.asarray(in_boxes)).any()
    disk.append(str(tmp_path / "new.ttf"))
    fonts._best.cache_clear()
    fonts._candidates.cache_clear()
    show_confusion(np.eye(2), ["狗", "dog"])
    plotting.show_bboxes(plt.gca(), [[0, 0, 1, 1]], ["狗"])
    plt.title("狗 dog")
    figure = plt.gcf()
    fonts.fit_figure(figure)
    figure.canvas.draw()
    used = {text.get_text(): Path(text.get_fontproperties().get_file() or OWN) for text in
            [*plt.gca().get_xticklabels(), *plt.gca().texts, plt.gca().title]}
    assert used["狗"] == used["狗 dog"] == tmp_path / "new.ttf" and used["dog"] == OWN
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_the_labels_of_boxes_get_their_font_at_once(disk, tmp_path):
    """A notebook shows them without a section that would see to it."""
    disk.append(make_font(tmp_path / "new.ttf", "狗"))
    axes = plt.imshow(np.zeros((9, 9))).axes
    plotting.show_bboxes(axes, [[1, 1, 5, 5], [2, 2, 6, 6]], ["狗", "dog"])
    assert [text.get_fontproperties().get_file() for text in axes.texts] == [str(tmp_path / "new.ttf"), None]


@pytest.mark.parametrize("name, package", [
    ("狗", "fonts-noto-cjk (or fonts-wqy-zenhei)"), ("개", "fonts-noto-cjk"), ("หมา", "fonts-noto-core")])
def test_without_a_font_one_line_says_which_to_install(disk, capsys, name, package):
    for _ in range(3):
        drawing.caption(Image.new("RGB", (50, 50)), f"{name} 0.5; {name} 0.4")
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert name[0] in said.err and f"apt-get install {package}" in said.err


def test_a_font_that_only_claims_the_characters_does_not_count(disk, tmp_path, capsys):
    """matplotlib ships one whose every character is the same box."""
    disk.append(make_font(tmp_path / "LastResortHE-Regular.ttf", "狗" + BASIC))
    assert fonts.font_of("狗") == OWN and "狗" in capsys.readouterr().err


def test_where_no_font_has_all_the_one_with_most_is_taken_and_it_is_said(disk, tmp_path, capsys):
    disk.append(make_font(tmp_path / "new.ttf", "狗猫"))
    assert fonts.font_of("狗猫鸟") == tmp_path / "new.ttf"
    assert "鸟" in capsys.readouterr().err
