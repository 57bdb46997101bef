"""A run of chapter scripts as a reader makes it, and what it left behind."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def parameters(*assignments: str) -> list[str]:
    """The flags for parameters such as "num_epochs=2"."""
    return [word for text in assignments for word in ("-p", text)]


class Run:
    """What ``d2lzh-cv run --quick`` of some sections printed and left in its folder."""

    def __init__(self, out: Path, sections: list[str], *flags: str, **environment: str) -> None:
        self.out = out
        self.child = subprocess.run(
            [sys.executable, "-m", "d2lzh_cv", "run", *sections, "--quick", "--out", str(out), *flags], cwd=ROOT,
            capture_output=True, encoding="utf-8", timeout=3000,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment})

    def results(self, number: str) -> dict:
        """results.json of a section."""
        return json.loads((self.out / number / "results.json").read_text(encoding="utf-8"))

    def metrics(self, number: str) -> list[dict]:
        """The lines of a section's metrics.jsonl."""
        return [json.loads(line) for line in
                (self.out / number / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]

    def curve(self, number: str, series: str, name: str) -> list[float]:
        """One column of the lines of one series."""
        return [line[name] for line in self.metrics(number) if line["series"] == series]

    def check(self, numbers: list[str]) -> None:
        """Exit code 0 and all ok."""
        status = {number: self.results(number).get("error") or self.results(number)["status"] for number in numbers}
        assert status == dict.fromkeys(numbers, "ok"), self.child.stdout[-3000:]
        assert self.child.returncode == 0, self.child.stderr[-3000:]

    def check_figures(self, number: str) -> None:
        """There are some, of a fair size and with more than a few colours."""
        figures = self.results(number)["figures"]
        assert figures
        for figure in figures:
            with Image.open(self.out / number / figure["file"]) as picture:
                colours = np.asarray(picture.convert("RGB"), np.int32) @ (1 << 16, 1 << 8, 1)
                assert min(picture.size) >= 60 and len(np.unique(colours)) > 20, figure
