"""Kill sections at random moments with SIGKILL, resume them, and compare all they leave with an uninterrupted run's.

Not a test, for it takes an hour: ``python tests/kill_and_resume.py --kills 4 9.1 9.2 9.7 9.10 9.11`` prints the table.
Compared are parameters, metrics, recorded results and figures, to the bit; only seconds may differ.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from d2lzh_cv import contents

TIMES = {"seconds_a_picture", "networks"}  # recorded results that hold seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--kills", type=int, default=4, help="of each section")
    parser.add_argument("--epochs", default="3")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    flags, draw = parser.parse_args(), random.Random(0)
    draw.seed(flags.seed)
    different = 0
    print("section  killed after s    resumed             files compared  different", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for section in flags.sections:
            flags.argv = ["--quick", "--epochs", "61" if section == "9.11" else flags.epochs]
            whole = Path(folder, section, "whole")
            seconds, _ = run(section, flags.argv, whole)
            for kill in range(flags.kills):
                out = Path(folder, section, str(kill))
                after, seconds = kill_at_random(section, flags.argv, out, draw, seconds)
                different += compare_resumed(section, flags.argv, whole, out, after)
    return 1 if different else 0


def kill_at_random(section: str, argv: list[str], out: Path, draw: random.Random, seconds: float):
    """Kill a run that takes about ``seconds``; return the moment and the run's length (corrected)."""
    while True:
        after = draw.uniform(0.1, 0.95) * seconds
        taken, said = run(section, argv, out, kill_after=after)
        if said is None:
            return after, seconds
        seconds = taken  # what the first run prepared for all is there now
        shutil.rmtree(out)


def compare_resumed(section: str, argv: list[str], whole: Path, out: Path, after: float) -> int:
    """Resume a run that was killed after so many seconds, print a row, return the number of files that differ."""
    _, said = run(section, [*argv, "--resume"], out)
    resumed = [line.partition("resuming ")[2] for line in said.splitlines() if "resuming after" in line]
    expected, found = left(whole / section), left(out / section)
    names = {name for name in {**expected, **found} if expected.get(name) != found.get(name)}
    print(f"{section:7}  {after:14.1f}    {resumed[-1] if resumed else 'the beginning':19}  {len(expected):16}  "
          f"{', '.join(sorted(names)) or 'none'}", flush=True)
    return len(names)


def run(section: str, argv: list[str], out: Path, kill_after: float | None = None) -> tuple[float, str | None]:
    """Run a chapter's script; return its seconds and its standard error, None if it was killed."""
    began = time.monotonic()
    script = contents.script_path(contents.find(section))
    child = subprocess.Popen([sys.executable, str(script), *argv, "--out", str(out)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = child.communicate(timeout=kill_after)[1]
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return kill_after, None
    if child.returncode:
        raise SystemExit(f"{section} failed:\n{said}")
    return time.monotonic() - began, said


def left(folder: Path) -> dict[str, str]:
    """The files of a finished section by name, each as a hash of what must be equal."""
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
             for pattern in ("*.png", "**/*.params", "*.csv") for path in folder.glob(pattern)}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    found["metrics.jsonl"] = repr([{**line, "seconds": None} for line in lines])
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))["results"]
    found["results.json"] = repr({name: value for name, value in results.items() if name not in TIMES})
    return found


if __name__ == "__main__":
    sys.exit(main())
