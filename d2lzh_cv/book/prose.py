"""Chinese prose of a markdown cell, one line per paragraph: a browser shows a line break as a blank."""
from __future__ import annotations

import re

BEGINS = re.compile(r"#|- |\d+\. |\||!\[|```|\$\$")  # a line of its own: heading, item, table, picture, code, formula


def unwrapped(text: str) -> str:
    """Join the lines of each paragraph of the Markdown ``text``; headings, lists, tables and formulas stay lines."""
    lines: list[str] = []
    inside = joined = False  # inside a formula or a code block; whether the next line continues the last one
    for line in text.splitlines():
        fence = line.count("$$") % 2 == 1 or line.startswith("```")
        if joined and not inside and line.strip() and not BEGINS.match(line):
            lines[-1] += _blank_between(lines[-1], line.strip()) + line.strip()
        else:
            lines.append(line)
        inside ^= fence
        joined = bool(line.strip()) and not inside and not line.startswith(("#", "|", "```")) and "$$" not in line
    return "\n".join(lines)


def _blank_between(before: str, after: str) -> str:
    return " " if before[-1:].isascii() and after[0].isascii() and before[-1:] not in "$`*" else ""
