"""A figure as output: self-contained, small, in both languages and themes, for keyboard and phone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from mxnet import nd
from PIL import Image

from d2lzh_cv import interactive
from d2lzh_cv.errors import InputError
from d2lzh_cv.interactive import bundle, show

SCRIPTS = {name: bundle.script(name) for name in interactive.FIGURES}
PICTURE = np.zeros((30, 40, 3), "uint8")
FRAMES = [
    {"step": 0, "content": 0.0, "style": 9.0, "tv": 1.0, "picture": PICTURE},
    {"step": 5, "content": 1.0, "style": 2.0, "tv": 1.0, "picture": PICTURE},
]
DATA = {"style": {"frames": FRAMES}}


@pytest.mark.parametrize("name", interactive.FIGURES)
def test_a_figure_is_one_script_without_imports_and_addresses(name):
    script = SCRIPTS[name]
    assert not re.search(r"^\s*(import|export)\b|\bfetch\(|</script|@import|url\(", script, re.MULTILINE)
    assert set(re.findall(r"https?://[^\"'`]*", script)) == {
        "http://www.w3.org/2000/svg"
    }  # the name of SVG, no address
    assert script.count("class Figure") == 1 and script.count(f'mount("{name}"') == 1


def test_all_scripts_together_are_small():
    whole = sum(len(script.encode()) for script in SCRIPTS.values())
    parts = sum(path.stat().st_size for path in bundle.FOLDER.glob("*.js"))
    assert parts < 100_000 and max(len(script.encode()) for script in SCRIPTS.values()) < 40_000, (whole, parts)


@pytest.mark.parametrize("name", interactive.FIGURES)
def test_modules_share_one_scope_without_a_clash(name, tmp_path):
    if not shutil.which("node"):
        pytest.skip("no node on this machine")
    (tmp_path / "one.mjs").write_text(SCRIPTS[name], encoding="utf-8")
    checked = subprocess.run(["node", "--check", "one.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_data_of_any_kind_becomes_json():
    picture = nd.array(np.zeros((50, 1000, 3)), dtype="uint8")
    plain = show.plain({"picture": picture, "boxes": [[0, 1, 2, 3]], "x": nd.array([0.1]), "frames": [{"p": PICTURE}]})
    assert plain["picture"]["size"] == [1000, 50] and plain["picture"]["uri"].startswith("data:image/jpeg;base64,")
    assert plain["boxes"] == [[0, 1, 2, 3]] and plain["x"] == [0.1] and plain["frames"][0]["p"]["size"] == [40, 30]
    many = show.plain([Image.new("RGB", (900, 600), (20, 200, 90))] * 24)
    assert sum(len(one["uri"]) for one in many) < 1_000_000
    assert "</script>" not in interactive.html("iou", note="</script>").split("</script></div>")[0]


def test_an_unknown_figure_is_named(capsys):
    with pytest.raises(InputError, match="no figure is called 'nms'; choose iou, anchors"):
        interactive.show_interactive("nms")
    assert interactive.show_interactive("iou", picture=PICTURE) is None and capsys.readouterr().out == ""


def test_in_a_notebook_a_figure_is_one_html_output(monkeypatch):
    outputs = []
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=lambda text: text, display=outputs.append))
    interactive.show_interactive("iou", lang="zh")
    assert outputs == [interactive.html("iou", "zh")] and "这幅图要用JavaScript" in outputs[0]


@pytest.mark.parametrize("name", interactive.FIGURES)
def test_both_languages_themes_and_sizes(show, name):
    """Each figure speaks both languages, follows the page's theme, fits a phone, and names all that can be focused."""
    figure = show(name, **DATA.get(name, {}))
    texts = []
    for _ in range(2):
        texts.append(figure.call("(root) => root.querySelector('.card').innerText"))
        figure.page.locator(".language").click()
    assert re.search(r"[\u4e00-\u9fff]", texts[1].replace("English", ""))
    assert not re.search(r"[\u4e00-\u9fff]", texts[0].replace("中文", ""))
    dark = []
    for theme in ("light", "dark"):
        figure.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        dark.append(figure.call("(root) => getComputedStyle(root.querySelector('.card')).backgroundColor"))
    assert dark[0] == "rgb(255, 255, 255)" != dark[1]
    figure.page.set_viewport_size({"width": 390, "height": 800})
    assert figure.page.evaluate("document.documentElement.scrollWidth") <= 390
    unnamed = figure.call("""(root) => [...root.querySelectorAll("input, button, [tabindex]")].filter((one) =>
      !(one.textContent.trim() || one.ariaLabel || one.closest("label")?.textContent.trim())).length""")
    assert unnamed == 0


@pytest.mark.parametrize(
    "lang, page_lang, expected",
    [
        (None, "zh-CN", "两个边界框"),
        ("en", "zh-CN", "Two bounding boxes"),
        ("zh", "en", "两个边界框"),
        (None, "en", "Two bounding boxes"),
    ],
)
def test_the_language_is_the_output_s_the_page_s_or_the_browser_s(show, lang, page_lang, expected):
    assert show("iou", lang, page_lang).call("(root) => root.querySelector('strong').textContent") == expected


def test_several_figures_share_a_page(browser):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content("".join(interactive.html(name) for name in ("iou", "assignment", "iou")))
    assert (
        page.evaluate("[...document.querySelectorAll('[data-d2l-figure]')].filter((one) => one.shadowRoot).length") == 3
    )
    assert not errors
    page.close()


def test_without_javascript_one_line_says_so(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(interactive.html("iou", "en"))
    assert page.locator("body").inner_text().strip() == "This figure needs JavaScript to move."
    context.close()
