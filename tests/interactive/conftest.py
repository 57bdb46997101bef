"""One browser for all figures: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil

import pytest
from figure_kit import LARGEST, Page

from d2lzh_cv import interactive

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser():
    """A headless browser; the tests skip without one."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[test]'")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser):
    """Open a figure: ``show("iou", lang="zh", boxes=...)``; it must have no faults at the end of the test."""
    opened = []

    def open_figure(name: str, lang: str | None = None, page_lang: str = "en", **data) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.append(Page(page, name, interactive.html(name, lang, **data), page_lang))
        return opened[-1]

    yield open_figure
    for figure in opened:
        figure.page.close()
        assert not figure.faults


@pytest.fixture(scope="session", autouse=True)
def differences():
    """Print the largest differences at the end, which ``pytest -s`` shows."""
    yield
    for name, largest in LARGEST.items():
        print(f"{name}: largest difference {largest:.2g}")
