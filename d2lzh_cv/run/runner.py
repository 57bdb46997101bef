"""Run sections one after the other, each in its own process, and write one report at the end."""
from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from .. import contents, files
from ..compat import child, hook
from ..contents import SectionInfo
from ..data import hub
from ..engine.distributed import launched
from ..engine.stopping import signal_handlers
from ..errors import InputError
from ..locks import Lock
from . import inputs, results, rundir
from .flags import Options, backbones_of
from .guard import INPUT_ERROR, INTERRUPTED
from .terminal import table

BUG = 1  # exit code
STYLES = {"ok": "green", "kept": "green", "failed": "bold red", "interrupted": "yellow", "not run": "dim"}


class Terminated(KeyboardInterrupt):
    """Raised when this process gets SIGTERM, as from `kill`."""


def _terminate(number, frame) -> None:
    raise Terminated


@dataclass(frozen=True)
class Outcome:
    """The outcome of one section; ``code`` is the exit code of its process, None if no process was started."""

    info: SectionInfo
    status: str  # ok | kept (--resume) | failed | interrupted | not run
    code: int | None = None
    seconds: float | None = None
    error: str | None = None


def run(infos: Sequence[SectionInfo], options: Options, write_report: Callable[[Path], Path]) -> int:
    """Run the sections in ``infos``, write the report, and print the outcome of each section.

    A failing section does not stop the others; Ctrl-C does.

    Args:
        write_report: writes the report of all sections in a run's folder and returns its path.

    Returns:
        The exit code: 0 if all is well, 1 after a bug, 2 if sections failed only because of their input, 130 after
        Ctrl-C.

    Raises:
        InputError: nothing was run, because a script, the backbone's weights or the sets in --data are missing, no
            section supports the backbone, MXNet does not import, or the output folder is locked or not writable.
    """
    if options.backbone and not any(options.for_section(info).backbone for info in infos):
        raise InputError(f"--backbone {options.backbone}: {'; '.join(backbones_of(info) for info in infos)}")
    inputs.check(infos, options)
    scripts = [contents.script_path(info) for info in infos]
    hook.check(child.environment())  # once, here: without MXNet every section would fail
    out = rundir.open_run(options.out, options.resume)
    lock = rundir.claim(out)
    try:
        note = _begin_note(out, infos, options)
        # A shell's `&` ignores SIGINT; `kill` and `timeout` stop the section too.
        with signal_handlers({signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}):
            outcomes, interrupted = _run_all(list(zip(infos, scripts)), options, out, lock)
            files.write_json(out / rundir.NOTE, {**note, "finished": _now(), "interrupted": interrupted})
            _print_summary(outcomes, out, write_report)
            _list_drawn_sets(outcomes, options, out)
    finally:
        lock.release()
    return INTERRUPTED if interrupted else _exit_code(outcomes)


def _run_all(jobs: list[tuple[SectionInfo, Path]], options: Options, out: Path,
             lock: Lock) -> tuple[list[Outcome], bool]:
    outcomes: list[Outcome] = []
    try:
        for i, (info, script) in enumerate(jobs, start=1):
            print(f"\n[{i}/{len(jobs)}] {info.number} {info.english} {info.chinese}", flush=True)
            outcomes.append(_run_one(info, script, options, out, lock))
    except KeyboardInterrupt:
        for info, _ in jobs[len(outcomes):][:1]:
            outcomes.append(_outcome(info, out, INTERRUPTED))
        outcomes += [Outcome(info, "not run") for info, _ in jobs[len(outcomes):]]
        return outcomes, True
    return outcomes, False


def _run_one(info: SectionInfo, script: Path, options: Options, out: Path, lock: Lock) -> Outcome:
    if options.backbone and info.backbones and options.for_section(info).backbone is None:
        print(f"{backbones_of(info)}, not {options.backbone}: it chooses its own default", flush=True)
    options = options.for_section(info)
    earlier = results.read(out / info.number, info)
    if options.resume and earlier.status == "ok" and earlier.options == options.identity():
        print(f"{info.number} kept: done before with the same flags")
        return Outcome(info, "kept", seconds=earlier.seconds)
    # A child that dies early must not leave an earlier run's "ok".
    (out / info.number / results.FILE).unlink(missing_ok=True)
    code = _run_child([sys.executable, str(script), *options.to_argv(out)], lock)
    if code in (INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    return _outcome(info, out, code)


def _run_child(command: list[str], lock: Lock) -> int:
    environment, descriptors = lock.share()
    process = subprocess.Popen(command, env={**child.environment(), "PYTHONUNBUFFERED": "1", **environment},
                               pass_fds=descriptors)
    try:
        return process.wait()
    except KeyboardInterrupt as stop:
        # Ctrl-C in a terminal reaches the section too, `kill -INT` does not. SIGTERM is the same request, and a second
        # request does no harm. A launched section dies of SIGTERM, but there Ctrl-C reaches all launched processes.
        if not launched() or isinstance(stop, Terminated):
            process.send_signal(signal.SIGINT if launched() else signal.SIGTERM)
        _stop(process)
        raise


def _stop(process: subprocess.Popen) -> None:
    """Wait while the child finishes its step and saves; then end it with ever stronger signals."""
    for seconds, then in ((60, signal.SIGINT), (20, signal.SIGTERM), (5, signal.SIGKILL)):
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            process.send_signal(then)
        except KeyboardInterrupt:  # a second Ctrl-C: do not wait
            process.kill()
    process.wait()


def _outcome(info: SectionInfo, out: Path, code: int) -> Outcome:
    """Read the results of the section, and correct its results.json if the section could not."""
    recorded = results.read(out / info.number, info)
    if not (out / info.number / results.FILE).exists() or (recorded.status == "ok") != (code == 0):
        recorded.status, recorded.error = "interrupted" if code == INTERRUPTED else "failed", _reason(code)
        recorded.write(files.make_folder(out / info.number))
    return Outcome(info, recorded.status, code, recorded.seconds, recorded.error)


def _reason(code: int) -> str:
    if code == INTERRUPTED:
        return "stopped by Ctrl-C"
    if code == 0:
        return "ended before run.finish()"
    if code == -signal.SIGKILL:
        return "killed (SIGKILL), as the system does when memory runs out"
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}; its message is in the terminal"


def _begin_note(out: Path, infos: Sequence[SectionInfo], options: Options) -> dict[str, Any]:
    """Write run.json, from which the report takes the list of sections; sections of earlier runs stay in the list."""
    numbers = {info.number for info in infos} | set(rundir.read_note(out)["sections"])
    note = {"command": shlex.join(["d2lzh-cv", *sys.argv[1:]]), "started": _now(), "finished": None,
            "sections": [info.number for info in contents.ALL if info.number in numbers], **options.identity()}
    files.write_json(out / rundir.NOTE, note)
    return note


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _exit_code(outcomes: list[Outcome]) -> int:
    codes = [outcome.code for outcome in outcomes if outcome.status == "failed"]
    return 0 if not codes else INPUT_ERROR if set(codes) == {INPUT_ERROR} else BUG


def _list_drawn_sets(outcomes: list[Outcome], options: Options, out: Path) -> None:
    """After a run with --data DIR, print the synthetic sets that took the place of sets missing in DIR."""
    drawn: dict[str, list[str]] = {}
    for outcome in outcomes:
        recorded = results.read(out / outcome.info.number, outcome.info)
        for item in recorded.data if options.data not in hub.WORDS else ():
            if item["kind"] == "synthetic" and item["name"] not in ("source", "weights"):
                drawn.setdefault(item["name"], []).append(outcome.info.number)
    if drawn:
        sets = "; ".join(f"{name} ({', '.join(numbers)})" for name, numbers in drawn.items())
        print(f"not in {options.data}, drawn by this package: {sets}", file=sys.stderr)


def _print_summary(outcomes: list[Outcome], out: Path, write_report: Callable[[Path], Path]) -> None:
    rows = [(outcome.info.number, outcome.info.english, f"[{STYLES[outcome.status]}]{outcome.status}[/]",
             "" if outcome.seconds is None else f"{outcome.seconds:.1f}") for outcome in outcomes]
    print()
    Console().print(table(("section", "title", "status", "seconds"), rows, words=(2, 3), right=(3,)),
                    crop=False)
    for outcome in outcomes:
        if outcome.error:
            print(f"{outcome.info.number} {outcome.status}: {outcome.error}")
    pictures = len(list(out.glob("9.*/*.png")))
    print(f"report: {write_report(out)}\nfigures: {out}/9.*/*.png ({pictures})", flush=True)
