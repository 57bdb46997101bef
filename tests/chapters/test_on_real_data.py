"""The sections as a reader runs them who has the data: ``d2lzh-cv run --quick``, an epoch of each training.

9.8 reads no set of its own; what reads CIFAR-10 for 9.1 is the exercise on its data loader, which takes less time.
"""
from __future__ import annotations

import pytest
from chapter_kit import Run
from data_kit import REAL, needs_real_data

from d2lzh_cv import contents

NUMBERS = [*(info.number for info in contents.SECTIONS if info.number not in ("9.1", "9.8")), "9.1-workers"]
pytestmark = [pytest.mark.slow, pytest.mark.long, needs_real_data]


def test_every_section_runs(tmp_path):
    run = Run(tmp_path, NUMBERS, "--data", str(REAL), "--epochs", "1")
    run.check(NUMBERS)
    kinds = {source["name"]: source["kind"] for number in NUMBERS for source in run.results(number)["data"]}
    assert {name for name, kind in kinds.items() if kind == "real"} >= {"img", "cifar10", "hotdog", "pikachu", "voc"}
