"""The messages of packing."""
from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from .entries import Problem


class BadData(InputError):
    """Pictures have problems; ``problems`` lists all of them."""

    def __init__(self, problems: list[Problem], bad: int, total: int) -> None:
        super().__init__(f"{counted(len(problems), 'problem')} in {bad} of {counted(total, 'picture')}; correct them, "
                         "or leave those pictures out with --skip-bad; nothing was written")
        self.problems = problems


@dataclass(frozen=True)
class Summary:
    """The result of packing: lines to print, and the problems of the pictures that were left out."""

    lines: list[str]
    problems: list[Problem]


def counted(count: int, word: str) -> str:
    """Return a count with its word, such as '1 picture' or '2 pictures'."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def left_out(bad: int, problems: list[Problem]) -> list[str]:
    """Return the line about pictures that were left out because of problems, if there are any."""
    return [f"left out {counted(bad, 'picture')} with {counted(len(problems), 'problem')}"] if bad else []
