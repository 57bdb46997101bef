"""Devices: the CPU where no GPU works, and only those GPUs that can compute."""
from __future__ import annotations

import mxnet as mx
import pytest

from d2lzh_cv import devices


def no_driver():
    raise mx.base.MXNetError("Check failed: e == cudaSuccess: CUDA driver version is insufficient")


@pytest.fixture
def gpus(monkeypatch):
    """Return a function that pretends there are ``count`` GPUs, of which those in ``broken`` cannot compute."""
    def pretend(count: int, broken: tuple[int, ...] = ()):
        def zeros(shape, ctx):
            if ctx.device_type == "gpu" and ctx.device_id in broken:
                raise mx.base.MXNetError("no kernel image is available for execution on the device")
            return mx.nd.ones(shape)

        monkeypatch.setattr(mx.context, "num_gpus", lambda: count)
        monkeypatch.setattr(devices, "nd", type("nd", (), {"zeros": staticmethod(zeros)}))
    return pretend


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="has a GPU")
def test_without_a_gpu_it_is_the_cpu():
    assert devices.try_gpu() == mx.cpu()
    assert devices.try_all_gpus() == [mx.cpu()]


def test_a_build_that_finds_no_driver_falls_back(monkeypatch):
    monkeypatch.setattr(mx.context, "num_gpus", no_driver)
    assert devices.try_gpu() == mx.cpu()
    assert devices.try_all_gpus() == [mx.cpu()]


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="has a GPU")
def test_a_gpu_that_is_listed_but_cannot_compute_is_left_out(monkeypatch):
    """MXNet's own refusal: the CPU build cannot make an array on a GPU."""
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    assert devices.try_all_gpus() == [mx.cpu()]


def test_all_gpus_that_work_are_taken(gpus):
    gpus(3)
    assert devices.try_all_gpus() == [mx.gpu(0), mx.gpu(1), mx.gpu(2)]
    assert devices.try_gpu() == mx.gpu(0)


def test_one_too_new_for_mxnet_is_passed_over(gpus):
    gpus(3, broken=(0, 2))
    assert devices.try_all_gpus() == [mx.gpu(1)]
    assert devices.try_gpu() == mx.gpu(1)
    gpus(1, broken=(0,))
    assert devices.try_gpu() == mx.cpu()
