"""The page, by Gradio: a tab per task. What is computed, and how it is drawn, is in answers.py and styling.py."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ..data.synthetic import drawn_styles
from ..errors import InputError
from . import answers, findings
from .networks import Networks
from .result_files import ResultFiles
from .styling import Painting
from .wording import TEXTS, language_of, text

MOST = 16  # pictures at a time
AT_ONCE = 2  # requests of a kind that are worked on; others wait
WAITING = 64  # requests that may wait
HOUR = 3600
STYLES = ("mosaic", "waves", "dots")
CSS = findings.CSS + """
.gradio-container { max-width: 76rem !important; }
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
        self.networks, self.folder, self.language = networks, folder, language
        self.results = ResultFiles(folder / "results")
        self._paintings: dict[str, Painting] = {}  # by the session of the page
        self.i18n = gr.I18n(**{locale: _texts(name if language == "auto" else language)
                               for name, locales in (("zh", ("zh", "zh-CN", "zh-TW")), ("en", ("en",)))
                               for locale in locales})
        with gr.Blocks(title=text("title", "en" if language == "auto" else language), analytics_enabled=False,
                       delete_cache=(60, HOUR)) as self.blocks:
            gr.Markdown(self.i18n("heading"))
            for task in ("detect", "segment", "classify"):
                with gr.Tab(self.i18n(task), id=task):
                    self._add_task(task)
            with gr.Tab(self.i18n("style"), id="style"):
                self._add_style()
            self.blocks.unload(self._stop)
        self.blocks.queue(max_size=WAITING)

    def _add_task(self, task: str) -> None:
        trained = self.networks.of(task)
        if not trained:
            gr.Markdown(self.i18n(f"{task}_none"))
            return
        labels = [one.label for one in trained]
        known = gr.State([], time_to_live=HOUR)
        with gr.Row():
            with gr.Column(min_width=280):
                network = gr.Dropdown(labels, value=labels[0], label=self.i18n("network"), interactive=len(labels) > 1)
                pictures = gr.Gallery(label=self.i18n("pictures"), interactive=True, type="filepath", columns=3,
                                      height=260, object_fit="contain", file_types=["image"],
                                      sources=["upload", "webcam", "clipboard"], elem_id=f"{task}-pictures")
                slider = self._slider(task)
            with gr.Column(min_width=280, scale=2):
                result = gr.Gallery(label=self.i18n("result"), interactive=False, preview=True, columns=4, height=440,
                                    object_fit="contain", buttons=["download", "fullscreen"],
                                    elem_id=f"{task}-result")
                found = gr.HTML(elem_id=f"{task}-found")
        options = {"concurrency_id": "vision", "concurrency_limit": AT_ONCE, "show_progress_on": result}
        gr.on([pictures.change, network.change], partial(self._answer, task), [network, pictures, slider, known],
              [result, found, known], api_name=task, trigger_mode="always_last", **options)
        if task != "classify":
            slider.change(partial(self._redraw, task), [slider, known], [result, found], trigger_mode="always_last",
                          api_name=f"{task}_again", concurrency_id="drawing", concurrency_limit=AT_ONCE,
                          show_progress="hidden")

    def _slider(self, task: str) -> gr.Slider:
        if task == "segment":
            return gr.Slider(0, 1, 0.6, step=0.05, label=self.i18n("opacity"))
        return gr.Slider(answers.LOWEST_SCORE, 1, 0.3, step=0.01, label=self.i18n("score"), visible=task == "detect")

    def _answer(self, task: str, label: str, pictures: list | None, slider: float, known: list,
                request: gr.Request) -> tuple[list, str, list]:
        """Answer for the pictures that have no answer yet; return the drawn pictures, the findings, all answers."""
        language, faults, now = self._language(request), [], []
        network = next((one for one in self.networks.of(task) if one.label == label), self.networks.of(task)[0])
        before = {(name, answer.path): answer for name, answer in known}
        paths = [Path(path) for path, _ in pictures or []]
        if len(paths) > MOST:
            faults.append(text("too_many", language, most=MOST))
        for path in paths[:MOST]:
            try:
                answer = before.get((label, path)) or answers.answer(network, path, self.networks.turns,
                                                                     self.networks.ctx)
                now.append((label, answer))
            except InputError as error:
                faults.append(text("cannot", language, reason=error))
        return (*self._shown(task, [answer for _, answer in now], faults, slider, language), now)

    def _redraw(self, task: str, slider: float, known: list, request: gr.Request) -> tuple[list, str]:
        return self._shown(task, [answer for _, answer in known], [], slider, self._language(request))

    def _shown(self, task: str, found: list[answers.Answer], faults: list[str], slider: float,
               language: str) -> tuple[list, str]:
        """Return the drawn pictures as files, and the findings as HTML."""
        option, files, drawn = {"opacity" if task == "segment" else "score": slider}, [], []
        for answer in found:
            try:
                picture = answers.draw(answer, **option)
            except InputError as error:  # its file has been removed after an hour
                faults.append(text("cannot", language, reason=error))
                continue
            drawn.append(answer)
            files.append((str(self.results.save(picture, f"{answer.path.stem}_{task}")), answer.path.name))
        return files, findings.to_html(drawn, faults, slider if task == "detect" else 0, language)

    def _add_style(self) -> None:
        if self.networks.extractor is None:
            gr.Markdown(self.i18n("style_none"))
            return
        drawn = [(str(path), None) for path in self._drawn_styles()]
        with gr.Row():
            with gr.Column(min_width=280):
                content = _picture(self.i18n("content"), "content")
                style = _picture(self.i18n("own_style"), "style")
                styles = gr.Gallery(drawn, label=self.i18n("styles"), interactive=False, allow_preview=False, columns=3,
                                    height=120, object_fit="cover", buttons=[], elem_id="styles")
                steps = gr.Slider(10, 500, 100, step=10, label=self.i18n("steps"))
                side = gr.Slider(128, 512, 256, step=32, label=self.i18n("side"))
            with gr.Column(min_width=280, scale=2):
                result = gr.Image(label=self.i18n("result"), interactive=False, format="png", height=440,
                                  buttons=["download", "fullscreen"], elem_id="style-result")
                status = gr.HTML(elem_id="style-status")
                with gr.Row():
                    start = gr.Button(self.i18n("start"), variant="primary", elem_id="start")
                    stop = gr.Button(self.i18n("stop"), variant="stop", elem_id="stop")
        styles.select(partial(_chosen, [path for path, _ in drawn]), None, style, show_progress="hidden",
                      api_visibility="private")
        start.click(self._paint, [content, style, steps, side], [result, status], api_name="style",
                    concurrency_id="style", concurrency_limit=AT_ONCE, show_progress="minimal",
                    show_progress_on=status)
        stop.click(self._stop, None, None, api_name="stop", show_progress="hidden", concurrency_limit=None)

    def _drawn_styles(self) -> list[Path]:
        folder = self.folder / "styles"
        folder.mkdir(parents=True)
        for name in STYLES:
            Image.fromarray(getattr(drawn_styles, name)(np.random.default_rng(0))).save(folder / f"{name}.png")
        return [folder / f"{name}.png" for name in STYLES]

    def _paint(self, content: str | None, style: str | None, steps: float, side: float,
               request: gr.Request) -> Iterator[tuple[Any, str]]:
        """Yield the picture and a line about it until the transfer ends, is stopped, or its page is closed."""
        language, session = self._language(request), str(request.session_hash)
        if not content or not style:
            yield None, _line(text("both", language), fault=True)
            return
        yield None, _line(text("waiting", language))
        self._stop(request)
        painting = None
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
                    yield progress.picture, _line(line + (" " + text(end, language) if end else ""))
        except InputError as error:
            yield None, _line(text("cannot", language, reason=error), fault=True)
        finally:
            if self._paintings.get(session) is painting:  # not one that was started after it
                self._paintings.pop(session, None)

    def _stop(self, request: gr.Request) -> None:
        """Stop the transfer of a page, if there is one."""
        painting = self._paintings.get(str(request.session_hash))
        if painting:
            painting.stop()

    def stop_all(self) -> None:
        """Stop all transfers, before the server ends."""
        for painting in list(self._paintings.values()):
            painting.stop()

    def _language(self, request: gr.Request) -> str:
        return language_of(request.headers.get("accept-language", "")) if self.language == "auto" else self.language


def _texts(language: str) -> dict[str, str]:
    return {"heading": f"# {text('title', language)}\n\n{text('intro', language)}",
            **{key: text(key, language) for key in TEXTS if "{" not in TEXTS[key][0]}}


def _picture(label: Any, name: str) -> gr.Image:
    """Return an input for one picture; the file is read by answers.py, not by Gradio."""
    picture = gr.Image(label=label, type="filepath", sources=["upload", "webcam", "clipboard"], height=200,
                       elem_id=name)
    picture.preprocess = lambda payload: payload and payload.path
    return picture


def _chosen(paths: list[str], event: gr.SelectData) -> str:
    return paths[event.index]


def _line(line: str, fault: bool = False) -> str:
    return f'<div class="findings"><p class="{"fault" if fault else "line"}" role="status">{escape(line)}</p></div>'
