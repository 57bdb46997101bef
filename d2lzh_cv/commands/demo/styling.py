"""Style transfer that can be watched and stopped: it runs in a thread, and hands over a picture now and then."""
from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event

import mxnet as mx
import numpy as np
from mxnet import nd
from PIL import Image

from ...plotting import to_picture
from ...style import FeatureExtractor, StyleStep, postprocess, preprocess, transfer
from .answers import opened
from .turns import Turns

LEARNING_RATE = 0.05
SMALLEST = 32  # pixels of a side: the extractor reduces it to 2
PERIOD = 0.7  # seconds between two pictures
PATIENCE = 60  # seconds: a transfer whose pictures nobody fetches for so long ends


@dataclass(frozen=True)
class Progress:
    """A transfer after ``step`` of ``num_steps`` steps: its picture, its losses, and the seconds it has taken."""

    step: int
    num_steps: int
    picture: Image.Image
    losses: StyleStep
    seconds: float


class _Stopped(Exception):
    """Ends a transfer between two steps."""


class Painting:
    """A style transfer; iteration starts it and yields :class:`Progress`, the last one when it ends or is stopped.

    It ends, too, if the iteration is given up, as when a page is closed.

    Args:
        extractor: computes the features.
        content, style: files of pictures.
        num_steps: the number of steps, at least 2.
        side: of the longer side of the result, in pixels.
        turns: for the use of MXNet.
        ctx: the device of the extractor, by default the CPU.

    Raises:
        InputError: a file is no complete picture, or a loss is not finite.
    """

    def __init__(self, extractor: FeatureExtractor, content: Path, style: Path, num_steps: int, side: int,
                 turns: Turns, ctx: mx.Context | None = None) -> None:
        self._extractor, self._turns, self._ctx = extractor, turns, ctx or mx.cpu()
        self._pictures = [_fitted(opened(path, turns), side) for path in (content, style)]
        self._num_steps = num_steps
        self._stop, self._left, self._news = Event(), Event(), Queue(maxsize=1)
        self._work: Future | None = None

    def stop(self) -> None:
        """End the transfer after its present step; the iteration then yields the picture as it is."""
        self._stop.set()

    def give_up(self) -> None:
        """End the transfer after its present step; nobody wants its picture."""
        self._left.set()
        self._stop.set()
        if self._work:
            self._work.cancel()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called, or the iteration has been left."""
        return self._stop.is_set()

    def join(self) -> None:
        """Wait until the transfer has ended."""
        if self._work:
            wait([self._work])

    def __iter__(self) -> Iterator[Progress]:
        self._work = self._turns.start(self._paint)
        try:
            while True:
                try:
                    news = self._news.get(timeout=PERIOD)
                except Empty:
                    if self._work.done():
                        return
                    continue
                if isinstance(news, BaseException):
                    raise news
                yield news
        finally:
            self.give_up()

    def _paint(self) -> None:
        try:
            self._transfer()
        except _Stopped:
            pass  # asked for, or nobody looks any more
        except Exception as error:  # the page's thread raises it
            with suppress(_Stopped):
                self._hand_over(error)

    def _transfer(self) -> None:
        began = shown = time.monotonic()
        last: nd.NDArray | None = None

        def on_picture(step: int, picture: nd.NDArray, *losses: nd.NDArray) -> None:
            nonlocal last
            last = picture  # the one that is trained, so each step changes it

        def on_step(losses: StyleStep) -> None:
            nonlocal shown
            stopped, now = self._stop.is_set(), time.monotonic()
            if stopped or losses.number + 1 == self._num_steps or now - shown > PERIOD:
                shown = now
                progress = Progress(losses.number + 1, self._num_steps, to_picture(postprocess(last)), losses,
                                    now - began)
                with self._turns.others_first():
                    self._hand_over(progress)
            else:
                with self._turns.others_first():
                    pass  # this thread comes back after them
            if stopped:
                raise _Stopped

        with self._turns:
            content, style = (self._as_input(picture) for picture in self._pictures)
            transfer(content, self._extractor, content, style, self._num_steps, LEARNING_RATE, report_every=1,
                     on_step=on_step, on_picture=on_picture)

    def _hand_over(self, news: Progress | Exception) -> None:
        """Wait until there is room for ``news``. Raises _Stopped if nobody fetches what was handed over before."""
        end = time.monotonic() + PATIENCE
        while not self._left.is_set() and time.monotonic() < end:
            with suppress(Full):
                return self._news.put(news, timeout=0.1)
        raise _Stopped

    def _as_input(self, picture: Image.Image) -> nd.NDArray:
        pixels = nd.array(np.asarray(picture), dtype="uint8")
        return preprocess(pixels, picture.size).as_in_context(self._ctx)


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Return the picture with its longer side at ``side`` pixels, and the shorter one at SMALLEST at least."""
    scale = side / max(picture.size)
    size = tuple(max(SMALLEST, round(length * scale)) for length in picture.size)
    return picture.resize(size, Image.BOX if scale < 1 else Image.BICUBIC)
