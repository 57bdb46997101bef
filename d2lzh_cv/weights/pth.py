"""Reads weights that PyTorch's torch.save wrote, without PyTorch and without running code from the file.

A .pth file is a pickle, and unpickling can call anything. Here a pickle can reach only the few names that weights need,
and these only note positions; the numbers are read later, as plain little-endian arrays. Both formats are read: the zip
archive of PyTorch 1.6 and later, and the older series of pickles, the format of torchvision's vgg19.
"""
from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .unpickling import OnlyNames

DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "LongStorage": "<i8"}
MAGIC, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001  # of the format before the zip archive
MAX_OPCODES = 50_000  # resnet18 has about 4,000, mobilenet_v2 15,000; more could overflow Python's stack
OPCODES = {
    "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID", "NONE", "NEWTRUE", "NEWFALSE", "BININT",
    "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINSTRING", "EMPTY_TUPLE", "TUPLE",
    "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT",
    "LONG_BINPUT", "BINGET", "LONG_BINGET"}
_DAMAGE = (pickle.UnpicklingError, zipfile.BadZipFile, struct.error, EOFError, ValueError, TypeError, AttributeError,
           LookupError, OverflowError, NotImplementedError, RuntimeError)  # from the readers of damaged files


class _Storage(NamedTuple):
    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _RebuildTensor:
    """Replaces torch._utils._rebuild_tensor and _v2. It has no attributes, so a pickle cannot set any."""
    __slots__ = ()

    def __call__(self, storage, offset, size, stride, *_unused) -> _Tensor:
        numbers = (offset, *size, *stride)
        if not isinstance(storage, _Storage) or len(size) != len(stride):
            raise ValueError("a tensor without a storage, or with more sizes than strides")
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"a tensor with offset {offset}, size {size}, strides {stride}")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride)) if all(size) else 0
        if max(math.prod(size), last + 1 if all(size) else 0) > storage.length:
            raise ValueError(f"a tensor of size {tuple(size)} in a storage of {storage.length} numbers")
        return _Tensor(storage, offset, tuple(size), tuple(stride))


class _RebuildParameter:
    """Replaces torch._utils._rebuild_parameter."""
    __slots__ = ()

    def __call__(self, tensor, *_unused) -> _Tensor:
        return tensor


ALLOWED = {("collections", "OrderedDict"): OrderedDict,
           ("torch._utils", "_rebuild_tensor"): _RebuildTensor(),
           ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
           ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
           **{("torch", name): dtype for name, dtype in DTYPES.items()}}


class _Unpickler(OnlyNames):
    """Knows only the names in ALLOWED; a storage becomes its key, dtype and length."""

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__(content, path, ALLOWED, "take the file from a source you trust", encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, length, *view = pid
        if kind != "storage" or dtype not in DTYPES.values() or type(key) is not str or type(length) is not int:
            raise ValueError("something other than a storage of numbers")
        if length < 0 or any(view):
            raise ValueError(f"a storage of {length} numbers, or a part of one")
        storage = _Storage(key, dtype, length)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"two storages {key}")
        return storage


def read_pth(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors in ``path``, a state_dict from torch.save, by name, as read-only arrays.

    Raises InputError naming the file if it is missing, damaged, not from torch.save, no dictionary of tensors, or asks
    for a name that weights do not need.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(262)
        reader = _read_zip if start[:4] == b"PK\x03\x04" else _read_row
        if start[257:] == b"ustar":
            raise InputError(f"{path} is in the tar format of PyTorch's first months; take torchvision's newer file")
        tensors, numbers = reader(path)
        return {name: _array(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is damaged, or not a file of torch.save: {reason}; put the original there") from error


def _read_zip(path: Path) -> tuple[dict[str, _Tensor], dict[str, np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()):
            raise ValueError("it holds compressed parts, which torch.save does not write")
        if sum(info.file_size for info in entries.values()) > path.stat().st_size:
            raise ValueError("its parts are larger than the file")
        roots = [name[:-len("data.pkl")] for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(roots) != 1:
            raise ValueError("a zip archive without the one data.pkl that torch.save writes")
        root = roots[0]
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("its numbers are not little-endian")
        tensors = _tensors(_load(io.BytesIO(archive.read(f"{root}data.pkl")), path), path)
        storages = {tensor.storage for tensor in tensors.values()}
        return tensors, {storage.key: _numbers(storage, archive.read(f"{root}data/{storage.key}"))
                         for storage in storages}


def _read_row(path: Path) -> tuple[dict[str, _Tensor], dict[str, np.ndarray]]:
    """Read pickles of mark, protocol, system, object and storage keys, then each storage: length and numbers."""
    content = path.read_bytes()
    file = io.BytesIO(content)
    if _load(file, path) != MAGIC or _load(file, path) != PROTOCOL:
        raise ValueError("it does not begin with torch.save's mark")
    if _load(file, path)["little_endian"] is not True:
        raise ValueError("its numbers are not little-endian")
    tensors = _tensors(_load(file, path), path)
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    keys, begin, numbers = _load(file, path), file.tell(), {}
    for key in keys:
        length, = struct.unpack_from("<q", content, begin)
        end = begin + 8 + storages[key].length * np.dtype(storages[key].dtype).itemsize
        if length != storages[key].length:
            raise ValueError(f"storage {key} has {length} numbers, not {storages[key].length}")
        numbers[key] = _numbers(storages[key], memoryview(content)[begin + 8:end])
        begin = end
    return tensors, numbers


def _load(file: io.BytesIO, path: Path) -> Any:
    """Unpickle the object at the position of ``file`` after checking its opcodes; leave ``file`` behind the object."""
    begin = file.tell()
    for count, (opcode, argument, _place) in enumerate(pickletools.genops(file)):
        if opcode.name not in OPCODES or count == MAX_OPCODES:
            raise ValueError(f"a pickle such as torch.save does not write ({opcode.name})")
        if opcode.name == "LONG_BINPUT" and argument > count:  # Python would allocate a table of that length
            raise ValueError(f"a pickle that numbers its parts wrongly ({argument})")
    return _Unpickler(file.getvalue()[begin:file.tell()], path).load()


def _tensors(content: Any, path: Path) -> dict[str, _Tensor]:
    named = isinstance(content, dict) and dict.items(content)
    if not named or not all(isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in named):
        raise InputError(f"{path} does not hold a dictionary of tensors; save the network's state_dict() alone")
    return dict(named)


def _numbers(storage: _Storage, content: bytes) -> np.ndarray:
    numbers = np.frombuffer(content, storage.dtype)
    if len(numbers) != storage.length:
        raise ValueError(f"storage {storage.key} has {len(numbers)} numbers, not {storage.length}")
    return numbers


def _array(tensor: _Tensor, numbers: np.ndarray) -> np.ndarray:
    steps = [step * numbers.itemsize for step in tensor.stride]
    begin = tensor.offset if all(tensor.size) else 0
    return np.lib.stride_tricks.as_strided(numbers[begin:], tensor.size, steps, writeable=False)
