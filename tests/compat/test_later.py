"""What an import of MXNet loads only when it is asked for, and that it is there then."""
from __future__ import annotations

import subprocess
import sys

import pytest


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("first", ["import d2lzh_cv, mxnet as mx", "import d2lzh_cv, gluoncv; import mxnet as mx"])
def test_statistics_wait_until_they_are_asked_for(first):
    code = (f"import sys; {first}; assert 'scipy.stats' not in sys.modules; from mxnet import test_utils; "
            "print(round(float(test_utils.ss.norm.cdf(0)), 3), mx.contrib.quantization.stats.entropy([1, 0])); "
            "import scipy, scipy.stats; print(scipy.stats is sys.modules['scipy.stats'], scipy.stats.norm.cdf(0))")
    assert python(code) == "0.5 0.0\nTrue 0.5"


def test_requests_wait_too():
    code = ("import sys, d2lzh_cv, mxnet; assert 'requests' not in sys.modules; from mxnet.gluon import utils; "
            "print(utils.requests.Session.__name__, utils.requests.exceptions.__name__); import requests; "
            "print(requests.get is utils.requests.get)")
    assert python(code) == "Session requests.exceptions\nTrue"


def test_what_was_imported_before_is_used():
    code = ("import scipy.stats, requests, d2lzh_cv, mxnet; from mxnet import test_utils; "
            "from mxnet.gluon import utils; print(test_utils.ss is scipy.stats, utils.requests is requests)")
    assert python(code) == "True True"
