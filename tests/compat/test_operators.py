"""MXNet's operator functions are compiled at their first call, and are then the ones that MXNet wrote."""
from __future__ import annotations

import ctypes
import gc
import inspect
import subprocess
import sys
import threading

import mxnet as mx
import pytest
from mxnet.base import _LIB, OpHandle, c_str
from mxnet.ndarray import register as nd_register
from mxnet.symbol import register as sym_register

from d2lzh_cv.compat import operators

MAKERS = [(nd_register, nd_register._make_ndarray_function), (sym_register, sym_register._make_symbol_function)]


def operator_names() -> list[str]:
    names, size = ctypes.POINTER(ctypes.c_char_p)(), ctypes.c_uint()
    assert _LIB.MXListAllOpNames(ctypes.byref(size), ctypes.byref(names)) == 0
    return [names[i].decode() for i in range(size.value)]


def handle_of(name: str) -> OpHandle:
    handle = OpHandle()
    assert _LIB.NNGetOpHandle(c_str(name), ctypes.byref(handle)) == 0
    return handle


@pytest.mark.parametrize(("register", "make"), MAKERS, ids=["nd", "sym"])
def test_each_operator_is_the_function_that_mxnet_wrote(register, make, monkeypatch):
    names = operator_names()
    assert len(names) > 1000
    for name in names[::7]:
        handle, short = handle_of(name), name.lstrip("_")
        later = make(handle, name, short)
        with monkeypatch.context() as patch:
            patch.setattr(register, "exec", exec)
            at_once = make(handle, name, short)
        assert later.__code__.co_name == "_first_call", name
        later.__kwdefaults__["_compile"]()
        for what in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__"):
            assert getattr(later, what) == getattr(at_once, what), (name, what)
        for what in ("co_code", "co_consts", "co_names", "co_varnames", "co_argcount", "co_filename"):
            assert getattr(later.__code__, what) == getattr(at_once.__code__, what), (name, what)
        assert later.__globals__ is at_once.__globals__
        assert inspect.signature(later) == inspect.signature(at_once)


def test_the_first_call_and_the_second_call_agree():
    maximum = nd_register._make_ndarray_function(handle_of("broadcast_maximum"), "broadcast_maximum", "maximum")
    left, right = mx.nd.array([1, 5, 3]), mx.nd.array([4, 2, 3])
    assert maximum(left, right).asnumpy().tolist() == maximum(left, rhs=right).asnumpy().tolist() == [4, 5, 3]
    assert list(inspect.signature(maximum).parameters) == ["lhs", "rhs", "out", "name", "kwargs"]


def test_a_wrong_first_call_says_what_mxnet_says():
    relu = nd_register._make_ndarray_function(handle_of("relu"), "relu", "relu")
    with pytest.raises(AssertionError, match="Argument data must have NDArray type"):
        relu([1, 2])
    with pytest.raises(TypeError, match=r"relu\(\) takes from 0 to 3 positional arguments but 4 were given"):
        relu(1, 2, 3, 4)


def test_first_calls_from_many_threads_agree():
    together = threading.Barrier(8)
    answers: list[list[float]] = []
    wrong: list[Exception] = []
    squares = [nd_register._make_ndarray_function(handle_of("square"), "square", "square") for _ in range(40)]

    def call() -> None:
        try:
            for square in squares:
                together.wait()
                answers.append(square(mx.nd.array([3])).asnumpy().tolist())
        except Exception as error:
            together.abort()
            wrong.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert answers == [[9.0]] * 320


def test_no_source_is_claimed_for_an_operator():
    later = nd_register._make_ndarray_function(handle_of("square"), "square", "square")
    assert later.__code__.co_filename == "<string>"
    with pytest.raises(OSError):
        inspect.getsource(later)


@pytest.mark.parametrize("first", ["d2lzh_cv, mxnet", "d2lzh_cv, gluoncv"])
def test_an_import_compiles_few_operators_and_leaves_the_collector_as_it_was(first):
    code = (f"import gc; import {first}; import mxnet as mx; names = [name for name in dir(mx.nd.op) "
            "if getattr(getattr(mx.nd.op, name), '__kwdefaults__', None)]; "
            "print(len(names) > 250, gc.isenabled())")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True True\n"), done.stderr


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        with operators.garbage_kept():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ZeroDivisionError), operators.garbage_kept():
        assert not gc.isenabled() and 1 / 0
    assert gc.isenabled()
