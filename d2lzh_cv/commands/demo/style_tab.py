"""The tab of style transfer: a content picture, a style, and the picture as it changes."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ...data.synthetic import drawn_styles
from ...errors import InputError
from .networks import Networks
from .styling import Painting
from .wording import language_for, text

AT_ONCE = 2  # transfers; others wait
STYLES = ("mosaic", "waves", "dots")  # in drawn_styles


class StyleTab:
    """Adds the tab's parts to the Gradio blocks that are being built.

    Args:
        networks: what the page offers, with an extractor.
        folder: for the drawn styles.
        i18n: the page's texts.
        language: 'zh', 'en' or 'auto'.
    """

    def __init__(self, networks: Networks, folder: Path, i18n: gr.I18n, language: str) -> None:
        self.networks, self.language = networks, language
        self._paintings: dict[str, Painting] = {}  # by the session of their page
        self._styles = _draw_styles(folder)
        with gr.Row():
            with gr.Column(min_width=280):
                content, style = _picture(i18n("content"), "content"), _picture(i18n("own_style"), "style")
                styles = gr.Gallery(list(map(str, self._styles)), label=i18n("styles"), interactive=False, height=120,
                                    allow_preview=False, columns=len(STYLES), object_fit="cover", buttons=[],
                                    elem_id="styles")
                steps = gr.Slider(10, 500, 100, step=10, label=i18n("steps"))
                side = gr.Slider(128, 512, 256, step=32, label=i18n("side"))
                with gr.Row():
                    start = gr.Button(i18n("start"), variant="primary", min_width=80, elem_id="start")
                    stop = gr.Button(i18n("stop"), min_width=80, elem_id="stop")
            with gr.Column(min_width=280, scale=2):
                result = gr.Image(label=i18n("result"), interactive=False, format="png", height=440,
                                  buttons=["download", "fullscreen"], elem_id="style-result")
                status = gr.HTML(elem_id="style-status")
        styles.select(self._chosen, None, style, show_progress="hidden", api_visibility="private")
        start.click(self._paint, [content, style, steps, side], [result, status], api_name="style",
                    concurrency_id="styles", concurrency_limit=AT_ONCE, show_progress="minimal",
                    show_progress_on=status)
        stop.click(self.stop, None, None, api_name="stop", show_progress="hidden", concurrency_limit=None)

    def stop(self, request: gr.Request) -> None:
        """Stop the transfer of a page, if there is one."""
        painting = self._paintings.get(str(request.session_hash))
        if painting:
            painting.stop()

    def stop_all(self) -> None:
        """Stop all transfers."""
        for painting in list(self._paintings.values()):
            painting.give_up()

    def _chosen(self, event: gr.SelectData) -> str:
        return str(self._styles[event.index])

    def _paint(self, content: str | None, style: str | None, steps: float, side: float,
               request: gr.Request) -> Iterator[tuple[Any, str]]:
        """Yield the picture and a line about it until the transfer ends, is stopped, or its page is closed."""
        language, session, painting = language_for(self.language, request.headers), str(request.session_hash), None
        if not content or not style:
            yield None, _line(text("both", language), fault=True)
            return
        yield None, _line(text("waiting", language))
        self.stop(request)
        try:
            painting = self._paintings[session] = Painting(
                self.networks.extractor, Path(content), Path(style), int(steps), int(side), self.networks.turns,
                self.networks.ctx)
            with closing(iter(painting)) as news:
                for progress in news:
                    losses = progress.losses
                    line = text("progress", language, step=progress.step, num_steps=progress.num_steps,
                                content=losses.content, style=losses.style, tv=losses.tv, seconds=progress.seconds)
                    end = "done" if progress.step == progress.num_steps else "stopped" if painting.stopped else None
                    yield progress.picture, _line(line + (" " + text(end, language) if end else ""),
                                                  progress.step / progress.num_steps)
        except InputError as error:
            yield None, _line(text("cannot", language, reason=error), fault=True)
        finally:
            if self._paintings.get(session) is painting:  # not one that was started after it
                self._paintings.pop(session, None)


def _draw_styles(folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{name}.png" for name in STYLES]
    for name, path in zip(STYLES, paths):
        Image.fromarray(getattr(drawn_styles, name)(np.random.default_rng(0))).save(path)
    return paths


def _picture(label: Any, name: str) -> gr.Image:
    """Return an input for one picture; the file is read by answers.py, not by Gradio."""
    picture = gr.Image(label=label, type="filepath", sources=["upload", "webcam", "clipboard"], height=200,
                       elem_id=name)
    picture.preprocess = lambda payload: payload and payload.path
    return picture


def _line(line: str, share: float | None = None, fault: bool = False) -> str:
    """Return a line as HTML, above a bar if a share of the work is done, or as a fault."""
    bar = "" if share is None else f'<progress max="1" value="{share:.3f}"></progress>'
    return (f'<div class="findings"><p class="{"fault" if fault else "line"}" role="status">{escape(line)}{bar}</p>'
            "</div>")
