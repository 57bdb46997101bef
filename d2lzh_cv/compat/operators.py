"""Compile MXNet's operator functions when they are first called; a program calls few of them.

For each of its operators MXNet writes a Python function as text and compiles it while it is imported: about 2,500
functions, a third of the time of the import. Here the function exists at once, with its name and documentation, and
its first call compiles it. Until then ``inspect.signature`` shows ``(*args, **kwargs)`` and one parameter of ours.
"""
from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any


@contextlib.contextmanager
def compiled_when_called(module: ModuleType) -> Iterator[None]:
    """Let ``module``, ``mxnet.ndarray.register`` or ``mxnet.symbol.register``, write functions without compiling them.

    Args:
        module: the module before its code runs; its own ``exec`` takes the place of Python's.
    """
    def write(code: str, _globals: None, functions: dict[str, FunctionType]) -> None:
        name = code[code.index("def ") + 4:code.index("(")]
        functions[name] = _not_compiled_yet(name, code, vars(module))

    module.exec = write
    yield


@contextlib.contextmanager
def garbage_kept() -> Iterator[None]:
    """During the block, do not search for unreachable objects: an import creates many objects and drops few."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _first_call(*args: Any, _compile: Any, **kwargs: Any) -> Any:
    return _compile()(*args, **kwargs)


# MXNet's own functions come from no file, and tools that look for their source should find none here either.
_FIRST_CALL = _first_call.__code__.replace(co_filename="<string>")


def _not_compiled_yet(name: str, code: str, namespace: dict[str, Any]) -> FunctionType:
    """Return a function that becomes the function ``name`` of ``code`` when it is first called."""
    function = FunctionType(_FIRST_CALL, namespace, name)
    function.__qualname__ = name
    function.__kwdefaults__ = {"_compile": functools.partial(_compile, function, name, code)}
    return function


def _compile(function: FunctionType, name: str, code: str) -> FunctionType:
    made: dict[str, FunctionType] = {}
    exec(compile(code, "<string>", "exec", dont_inherit=True), function.__globals__, made)
    # In this order a call from another thread meets a function that works after each of the three lines.
    function.__defaults__ = made[name].__defaults__
    function.__code__ = made[name].__code__
    function.__kwdefaults__ = made[name].__kwdefaults__
    return function
