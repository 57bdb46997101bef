"""The tab of a task: pictures in, drawn pictures and what was found out; sliders that draw again."""
from __future__ import annotations

from pathlib import Path

import gradio as gr

from ...errors import InputError
from . import answers, findings
from .networks import Networks
from .result_files import ResultFiles
from .wording import language_for, text

MOST = 16  # pictures at a time
AT_ONCE = 2  # requests that are worked on; others wait
HOUR = 3600  # seconds that uploaded pictures and their answers are kept


class TaskTab:
    """Adds the tab's parts to the Gradio blocks that are being built.

    Args:
        task: 'detect', 'segment' or 'classify'.
        networks: what the page offers.
        folder: for drawn pictures.
        i18n: the page's texts.
        language: 'zh', 'en' or 'auto'.
    """

    def __init__(self, task: str, networks: Networks, folder: Path, i18n: gr.I18n, language: str) -> None:
        self.task, self.networks, self.language, self.results = task, networks, language, ResultFiles(folder)
        labels = [one.label for one in networks.of(task)]
        known = gr.State([], time_to_live=HOUR)  # the answers shown, each with the label of its network
        with gr.Row():
            with gr.Column(min_width=280):
                network = gr.Dropdown(labels, value=labels[0], label=i18n("network"), interactive=len(labels) > 1)
                pictures = gr.Gallery(label=i18n("pictures"), interactive=True, type="filepath", columns=3, height=200,
                                      fit_columns=False, object_fit="contain", file_types=["image"],
                                      sources=["upload", "webcam", "clipboard"], elem_id=f"{task}-pictures")
                slider = (gr.Slider(0, 1, 0.6, step=0.05, label=i18n("opacity")) if task == "segment" else
                          gr.Slider(answers.LOWEST_SCORE, 1, 0.3, step=0.01, label=i18n("score"),
                                    visible=task == "detect"))
            with gr.Column(min_width=280, scale=2):
                result = gr.Gallery(label=i18n("result"), interactive=False, preview=True, columns=4, height=440,
                                    object_fit="contain", buttons=["download", "fullscreen"], elem_id=f"{task}-result")
                found = gr.HTML(elem_id=f"{task}-found")
        gr.on([pictures.change, network.change], self._answer, [network, pictures, slider, known],
              [result, found, known], api_name=task, trigger_mode="always_last", concurrency_id="answers",
              concurrency_limit=AT_ONCE, show_progress_on=result)
        if task != "classify":
            slider.change(self._draw_again, [slider, known], [result, found], api_name=f"{task}_again",
                          trigger_mode="always_last", concurrency_id="drawings", concurrency_limit=AT_ONCE,
                          show_progress="hidden")

    def _answer(self, label: str, pictures: list | None, slider: float, known: list,
                request: gr.Request) -> tuple[gr.Gallery, str, list]:
        """Answer for the pictures that have no answer yet; return the drawn pictures, the findings, all answers."""
        language, faults, now = language_for(self.language, request.headers), [], []
        network = next(one for one in self.networks.of(self.task) if one.label == label)
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
        files, found = self._shown(now, slider, faults, language)
        return gr.Gallery(files, selected_index=0 if files else None), found, now

    def _draw_again(self, slider: float, known: list, request: gr.Request) -> tuple[list, str]:
        return self._shown(known, slider, [], language_for(self.language, request.headers))

    def _shown(self, known: list, slider: float, faults: list[str], language: str) -> tuple[list, str]:
        """Return the drawn pictures as files with captions, and the findings as HTML."""
        option, files, drawn = {"opacity" if self.task == "segment" else "score": slider}, [], []
        for _, answer in known:
            try:
                picture = answers.draw(answer, self.networks.turns, **option)
            except InputError as error:  # the uploaded file has been removed after an hour
                faults.append(text("cannot", language, reason=error))
                continue
            drawn.append(answer)
            files.append((str(self.results.save(picture, f"{answer.path.stem}_{self.task}")), answer.path.name))
        return files, findings.to_html(drawn, faults, slider, language)
