"""The page, by Gradio: a tab per task."""
from __future__ import annotations

from pathlib import Path

import gradio as gr

from . import findings
from .networks import Networks
from .style_tab import StyleTab
from .task_tab import HOUR, TaskTab
from .wording import TEXTS, text

WAITING = 64  # requests that may wait
CSS = findings.CSS + """
.gradio-container { width: 100%; max-width: 76rem !important; margin: 0 auto !important; }
#style-result img { width: 100%; height: 100%; object-fit: contain; }
@media (max-width: 32rem) {
  .gradio-container main { padding: 0.75rem !important; }
  .tab-container button { padding: 0 0.35rem !important; font-size: 0.85rem !important; }
}
#style-status progress { display: block; width: 100%; margin-top: 0.4rem; }
"""


class Page:
    """The page as Gradio's blocks.

    Args:
        networks: what the page offers.
        folder: for its files, removed by the caller.
        language: 'zh', 'en', or 'auto' for the browser's language.

    Attributes:
        blocks: the page, to be launched with :attr:`i18n`.
        i18n: its texts.
        address: where it is served.
    """

    address = ""

    def __init__(self, networks: Networks, folder: Path, language: str = "auto") -> None:
        self.networks = networks
        self.i18n = gr.I18n(**{locale: _texts(name if language == "auto" else language)
                               for name, locales in (("zh", ("zh", "zh-CN", "zh-TW")), ("en", ("en",)))
                               for locale in locales})
        with gr.Blocks(title=text("title", "en" if language == "auto" else language), analytics_enabled=False,
                       delete_cache=(60, HOUR)) as self.blocks:
            gr.Markdown(self.i18n("heading"))
            for task in ("detect", "segment", "classify"):
                with gr.Tab(self.i18n(task), id=task):
                    if networks.of(task):
                        TaskTab(task, networks, folder / task, self.i18n, language)
                    else:
                        gr.Markdown(self.i18n(f"{task}_none"))
            with gr.Tab(self.i18n("style"), id="style"):
                self._style_tab = networks.extractor and StyleTab(networks, folder / "styles", self.i18n, language)
                if not self._style_tab:
                    gr.Markdown(self.i18n("style_none"))
            if self._style_tab:
                self.blocks.unload(self._style_tab.stop)
        self.blocks.queue(max_size=WAITING)

    def stop_all(self) -> None:
        """Stop all style transfers, before the server ends."""
        if self._style_tab:
            self._style_tab.stop_all()


def _texts(language: str) -> dict[str, str]:
    """Return the texts that the browser chooses from; those with values are made for each answer."""
    return {"heading": f"# {text('title', language)}\n\n{text('intro', language)}",
            **{key: text(key, language) for key in TEXTS if "{" not in TEXTS[key][0]}}
