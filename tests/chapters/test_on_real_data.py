"""The sections as a reader runs them who has the data: ``d2lzh-cv run --quick``, an epoch of each training.

Those that read no set, or one that another reads, are left out; the exercise on the data loader reads CIFAR-10 in less
time than 9.1 and 9.12.
"""
from __future__ import annotations

import pytest
from chapter_kit import Run
from data_kit import REAL, needs_real_data

SMALLER = {"9.7": "edge_size=64", "9.10": "crop_size=(64, 96)"}
NUMBERS = ["9.2", "9.4", "9.6", "9.9", "9.11", "9.13", "9.1-workers", *SMALLER]
pytestmark = [pytest.mark.slow, pytest.mark.long, needs_real_data]


def test_every_section_runs(tmp_path):
    flags = ["--data", str(REAL), "--epochs", "1"]
    for number, parameter in SMALLER.items():
        Run(tmp_path, [number], *flags, "-p", parameter)
    run = Run(tmp_path, [number for number in NUMBERS if number not in SMALLER], *flags)
    run.check(NUMBERS)
    kinds = {source["name"]: source["kind"] for number in NUMBERS for source in run.results(number)["data"]}
    assert {name for name, kind in kinds.items() if kind == "real"} >= {"img", "cifar10", "hotdog", "pikachu", "voc"}
