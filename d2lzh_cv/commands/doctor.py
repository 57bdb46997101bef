"""``d2lzh-cv doctor``: report the installation, its problems, and the commands that fix them."""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict

from ..compat import child
from ..compat.problems import SetupError, last_words
from .probes import PROBES, Probe, Row

SECONDS = 120  # time limit of an isolated probe
MARKS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "error": "[bold red]error[/]"}


def main(json: bool = False) -> int:
    """Print the report, with ``json`` as JSON; return 0 if everything that the chapter needs works, else 2."""
    rows = report()
    ok = all(row.state != "error" for row in rows)
    _print_json(rows, ok) if json else _print_table(rows, ok)
    return 0 if ok else 2


def report() -> list[Row]:
    """Return the rows of the report, in order; a crashed probe gives a row too."""
    return [row for probe in PROBES for row in (_isolated(probe) if probe.isolated else _guarded(probe))]


def _guarded(probe: Probe) -> list[Row]:
    rows: list[Row] = []
    try:
        rows.extend(probe.look())
    except SetupError as error:
        rows.append(Row(probe.name, error.problem, _bad(probe), error.remedy))
    except Exception as error:  # no failure of a probe may hide the other rows
        rows.append(Row(probe.name, f"{type(error).__name__}: {' '.join(str(error).split())}", _bad(probe)))
    return rows


def _isolated(probe: Probe) -> list[Row]:
    code = f"from d2lzh_cv.commands import doctor; doctor._answer({probe.name!r})"
    try:
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS,
                               env=child.environment())
        return [Row(**row) for row in json.loads(answer.stdout.splitlines()[-1])]
    except subprocess.TimeoutExpired:
        return [Row(probe.name, f"no answer within {SECONDS} s", _bad(probe))]
    except (IndexError, ValueError, TypeError):  # the process died before it printed its rows
        return [Row(probe.name, last_words(answer), _bad(probe))]


def _answer(name: str) -> None:
    """Run in the child process of :func:`_isolated`."""
    probe = next(probe for probe in PROBES if probe.name == name)
    print(json.dumps([asdict(row) for row in _guarded(probe)]))


def _bad(probe: Probe) -> str:
    return "error" if probe.needed else "warn"


def _print_json(rows: list[Row], ok: bool) -> None:
    print(json.dumps({"ok": ok, "rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False))


def _print_table(rows: list[Row], ok: bool) -> None:
    try:
        _print_with_rich(rows)
    except ImportError:  # rich is missing too if the package was installed without its dependencies
        print("\n".join(f"{row.state:<5} {row.name:<20} {row.value}" for row in rows))
    remedies = {row.remedy: row for row in reversed(rows) if row.remedy}  # each command once, at its first row
    for remedy, row in reversed(remedies.items()):  # plain print: rich would break a command over lines
        print(f"\n{row.name}: {row.value}\n  {remedy}")
    print("\neverything that the chapter needs works" if ok else "\nthe chapter does not run yet")


def _print_with_rich(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..run.terminal import table
    cells = [(MARKS[row.state], row.name, Text(row.value)) for row in rows]
    Console().print(table(("state", "what", "found"), cells, typed=(0, 1), show_header=False, box=None), crop=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m d2lzh_cv.commands.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    sys.exit(main(parser.parse_args().json))
