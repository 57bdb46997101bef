"""Mixed precision: which operators compute in 16 bits, how far the losses move, and what is said where it cannot work.

oneDNN has bfloat16 from AVX-512 on. MXNet's own convolution has float16 on every processor, so float16 stands in for
it where the processor has no bfloat16.
"""
from __future__ import annotations

import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from tolerance import assert_close

from d2lzh_cv import contents, ssd
from d2lzh_cv.anchors import multibox_target
from d2lzh_cv.compat import processor
from d2lzh_cv.engine import precision
from d2lzh_cv.run.flags import Options, parse_script

NATIVE = "fpu avx2 avx512bw avx512dq avx512vl avx512_bf16 amx_bf16"
EMULATED = "fpu avx2 avx512bw avx512dq avx512vl"
OLD = "fpu avx2"
WORKS_HERE = processor.bfloat16() != "not"
LOW = [pytest.param("bfloat16", marks=pytest.mark.skipif(not WORKS_HERE, reason="this processor has no AVX-512")),
       "float16"]


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """Give this process a /proc/cpuinfo with these flags, or none."""
    def pretend(flags=None):
        path = tmp_path / "cpuinfo"
        if flags is not None:
            path.write_text(f"processor\t: 0\nvendor_id\t: x\nflags\t\t: {flags}\nbugs\t\t: avx512_bf16\n\nprocessor\t: 1\n")
        monkeypatch.setattr(processor, "CPUINFO", path)
    return pretend


# -- what the processor can do --------------------------------------------------------------------------------------
@pytest.mark.parametrize("flags, expected", [(NATIVE, "fast"), (EMULATED, "slow"), (OLD, "not"), ("", "not"),
                                             (None, "not"), ("avx512bw avx512dq", "not")])
def test_the_processor_s_flags_decide(cpu, flags, expected):
    cpu(flags)
    assert processor.bfloat16() == expected
