"""What packing tells its reader."""
from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from .entries import Problem


class BadData(InputError):
    """Data with problems; ``problems`` lists them all."""

    def __init__(self, problems: list[Problem], bad: int, total: int) -> None:
        super().__init__(f"{counted(len(problems), 'problem')} in {bad} of {counted(total, 'picture')}; mend them, or "
                         "leave those pictures out with --skip-bad; nothing was written")
        self.problems = problems


@dataclass(frozen=True)
class Summary:
    """What was packed, in lines to print, and the problems of the pictures left out."""

    lines: list[str]
    problems: list[Problem]


def counted(count: int, word: str) -> str:
    """'1 picture', '2 pictures'."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def left_out(bad: int, problems: list[Problem]) -> list[str]:
    """The line about pictures with problems that were not packed."""
    return [f"left out {counted(bad, 'picture')} with {counted(len(problems), 'problem')}"] if bad else []
