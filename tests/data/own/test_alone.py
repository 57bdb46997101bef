"""Two processes that pack into one folder: the second is refused, and what the first wrote stays."""
from __future__ import annotations

import own_kit as kit
import pytest
from data_kit import files_below

from d2lzh_cv import locks
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import new_set
from d2lzh_cv.errors import InputError


def test_the_second_is_refused_while_the_first_writes(tmp_path):
    kit.write_csv(tmp_path / "src")
    with locks.alone(tmp_path / ".out.lock", "held"), pytest.raises(InputError, match="a set is being packed into "):
        pack(tmp_path / "src", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_set_that_came_meanwhile_is_not_replaced(tmp_path):
    kit.write_csv(tmp_path / "src")
    pack(tmp_path / "src", tmp_path / "out")
    before = files_below(tmp_path)
    with pytest.raises(InputError, match="already exists"), new_set(tmp_path / "out"):
        pass
    assert files_below(tmp_path) == before
