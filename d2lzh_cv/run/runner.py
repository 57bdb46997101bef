"""Running sections one after the other, each in a process of its own, with a report of them all at the end."""
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
from ..errors import InputError
from ..locks import Lock
from . import inputs, rundir
from .flags import Options, backbones_of, known_backbones
from .guard import INPUT_ERROR, INTERRUPTED
from .terminal import table

BUG = 1  # exit code
STYLES = {"ok": "green", "kept": "green", "failed": "bold red", "interrupted": "yellow", "not run": "dim"}


class Terminated(KeyboardInterrupt):
    """This process was asked to end by `kill`."""


def _terminate(number, frame) -> None:
    raise Terminated


@dataclass(frozen=True)
class Outcome:
    """How one section went; ``code`` is its process's exit code, None when none was started."""

    info: SectionInfo
    status: str  # ok | kept (--resume) | failed | interrupted | not run
    code: int | None = None
    seconds: float | None = None
    error: str | None = None


def run(infos: Sequence[SectionInfo], options: Options, write_report: Callable[[Path], Path]) -> int:
    """Run the sections in ``infos``, write the report, print how each went.

    A section that fails does not stop the others; Ctrl-C does. ``write_report`` writes the page over all sections of a
    run's folder and returns its path.

    Returns:
        The exit code: 0 all well, 1 a section failed by a bug, 2 by its input only, 130 interrupted.

    Raises:
        InputError: a script is missing, no section takes the backbone or its weights are not there, --data names a
            folder without the sets, MXNet does not import, or the output folder cannot be written to or has a run
            going on; then nothing was run.
    """
    _check_backbone(infos, options)
    inputs.check(infos, options)
    scripts = [contents.script_path(info) for info in infos]
    hook.check(child.environment())  # once, here: without MXNet each section would fail
    out = rundir.open_run(options.out, options.resume)
    lock = rundir.claim(out)
    try:
        note = _begin_note(out, infos, options)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
        signal.signal(signal.SIGTERM, _terminate)  # `kill` and `timeout` stop the section too
        outcomes, interrupted = _run_all(list(zip(infos, scripts)), options, out, lock)
        files.write_json(out / "run.json", {**note, "finished": _now(), "interrupted": interrupted})
        _print_summary(outcomes, out, write_report)
        _say_what_was_drawn(outcomes, options, out)
    finally:
        lock.release()
    return INTERRUPTED if interrupted else _exit_code(outcomes)


def _check_backbone(infos: Sequence[SectionInfo], options: Options) -> None:
    if options.backbone and not any(options.for_section(info.number).backbone for info in infos):
        raise InputError(f"--backbone {options.backbone}: {'; '.join(backbones_of(info.number) for info in infos)}")


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
    results = out / info.number / "results.json"
    if options.backbone and known_backbones(info.number) and options.for_section(info.number).backbone is None:
        print(f"{backbones_of(info.number)}, not {options.backbone}: it goes by its own order", flush=True)
    options = options.for_section(info.number)
    if options.resume and _is_done(results, options):
        print(f"{info.number} kept: done before with the same flags")
        return Outcome(info, "kept", seconds=_read(results).get("seconds"))
    results.unlink(missing_ok=True)  # a child that dies early must not leave an earlier run's "ok"
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
        # A terminal's Ctrl-C has reached the section too, `kill -INT` has not: SIGTERM asks it for the same, and
        # asking twice does no harm. A launched one dies of it; there Ctrl-C goes to all that were launched.
        if not launched() or isinstance(stop, Terminated):
            process.send_signal(signal.SIGINT if launched() else signal.SIGTERM)
        _stop(process)
        raise


def _stop(process: subprocess.Popen) -> None:
    """Wait for the child, which finishes its step and saves, and then end it."""
    for seconds, then in ((60, signal.SIGINT), (20, signal.SIGTERM), (5, signal.SIGKILL)):
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            process.send_signal(then)
        except KeyboardInterrupt:  # pressed again: do not wait
            process.kill()
    process.wait()


def _outcome(info: SectionInfo, out: Path, code: int) -> Outcome:
    """Read how the section went, and make its results.json say so where the section could not."""
    path = out / info.number / "results.json"
    results = _read(path)
    if (results.get("status") == "ok") != (code == 0) or "status" not in results:
        status = "interrupted" if code == INTERRUPTED else "failed"
        results = {"section": info.number, "title": info.title, **results, "status": status, "error": _why(code)}
        files.write_json(path, results)
    return Outcome(info, results["status"], code, results.get("seconds"), results.get("error"))


def _why(code: int) -> str:
    if code == INTERRUPTED:
        return "stopped by Ctrl-C"
    if code == 0:
        return "ended before run.finish()"
    if code == -signal.SIGKILL:
        return "killed (SIGKILL), as the system does when memory runs out"
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}; its message is in the terminal"


def _is_done(path: Path, options: Options) -> bool:
    results = _read(path)
    return results.get("status") == "ok" and results.get("options") == options.identity()


def _read(path: Path) -> dict[str, Any]:
    try:
        results = files.read_json(path)
    except InputError:  # missing or damaged: the section is not done
        return {}
    return results if isinstance(results, dict) else {}


def _begin_note(out: Path, infos: Sequence[SectionInfo], options: Options) -> dict[str, Any]:
    """Write run.json, by which the report knows what was wanted; sections of earlier runs in ``out`` stay in it."""
    earlier = _read(out / "run.json").get("sections")
    wanted = {info.number for info in infos} | set(earlier if isinstance(earlier, list) else ())
    note = {"command": shlex.join(["d2lzh-cv", *sys.argv[1:]]), "started": _now(), "finished": None,
            "sections": [info.number for info in contents.ALL if info.number in wanted], **options.identity()}
    files.write_json(out / "run.json", note)
    return note


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _exit_code(outcomes: list[Outcome]) -> int:
    codes = [outcome.code for outcome in outcomes if outcome.status == "failed"]
    return 0 if not codes else INPUT_ERROR if set(codes) == {INPUT_ERROR} else BUG


def _say_what_was_drawn(outcomes: list[Outcome], options: Options, out: Path) -> None:
    """The last word of a run on the reader's folder: what of it was not theirs."""
    drawn: dict[str, list[str]] = {}
    for outcome in outcomes:
        results = _read(out / outcome.info.number / "results.json")
        for item in results.get("data") or () if options.data not in hub.WORDS else ():
            if item.get("kind") == "synthetic" and item.get("name") not in ("source", "weights"):
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
