"""Reading a .pth: no code in it runs, and whatever is wrong with it is one line."""
from __future__ import annotations

import collections
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from data_kit import cut
from tolerance import assert_close

from d2lzh_cv.errors import InputError
from d2lzh_cv.weights import pth
from d2lzh_cv.weights.pth import read_pth

NUMBERS = np.arange(6, dtype="<f4")


# A pickle by hand, so that it can be a wrong one

def ops(value) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def storage(key="0", length=6, kind="FloatStorage", view=b"") -> bytes:
    return b"(" + ops("storage") + f"ctorch\n{kind}\n".encode() + ops(key) + ops("cpu") + ops(length) + view + b"tQ"


def tensor(place=None, size=(2, 3), stride=(3, 1), offset=0, function="_rebuild_tensor_v2", rest=b"\x89N") -> bytes:
    numbers = ops(offset) + ops(size) + ops(stride)
    return f"ctorch._utils\n{function}\n(".encode() + (place or storage()) + numbers + rest + b"tR"


def state(content: bytes) -> bytes:
    return b"\x80\x02}(" + ops("w") + content + b"u."


def write_zip(path, content: bytes, storages=None, root="archive", how=zipfile.ZIP_STORED, **more):
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr(f"{root}/data.pkl", content)
        for key, numbers in (storages or {"0": NUMBERS}).items():
            archive.writestr(f"{root}/data/{key}", bytes(numbers))
        for name, text in more.items():
            archive.writestr(f"{root}/{name}", text)
    return path


def write_row(path, content: bytes, keys=("0",), lengths=(6,), little=True, magic=pth.MAGIC, numbers=NUMBERS):
    head = [magic, pth.PROTOCOL, {"protocol_version": pth.PROTOCOL, "little_endian": little, "type_sizes": {}}]
    parts = [pickle.dumps(value, 2) for value in head] + [content, pickle.dumps(list(keys), 2)]
    path.write_bytes(b"".join(parts) + b"".join(struct.pack("<q", length) + bytes(numbers) for length in lengths))
    return path


WRITERS = {"zip": write_zip, "row": write_row}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Write a pickle in each of the two formats."""
    return lambda content, **options: WRITERS[request.param](tmp_path / "w.pth", content, **options)


def error_of(path) -> str:
    with pytest.raises(InputError) as error:
        read_pth(path)
    assert str(path) in str(error.value) and len(str(error.value).splitlines()) == 1
    return str(error.value)


# What is right

@pytest.mark.parametrize("size, stride, offset, expected", [
    ((2, 3), (3, 1), 0, [[0, 1, 2], [3, 4, 5]]), ((3, 2), (1, 3), 0, [[0, 3], [1, 4], [2, 5]]),
    ((2, 2), (3, 1), 1, [[1, 2], [4, 5]]), ((2,), (1,), 4, [4, 5]), ((), (), 5, 5), ((2, 1), (5, 7), 0, [[0], [5]]),
    ((1,), (1,), 5, [5])])
def test_strides_and_offset_are_kept(size, stride, offset, expected, write):
    found = read_pth(write(state(tensor(size=size, stride=stride, offset=offset))))
    assert list(found) == ["w"]
    assert_close(found["w"], np.array(expected, "float32"), exact=True)


def test_an_empty_tensor_needs_no_numbers(write):
    assert read_pth(write(state(tensor(size=(0, 3), offset=6))))["w"].shape == (0, 3)


@pytest.mark.parametrize("kind", pth.DTYPES)
def test_kinds_of_numbers(kind, tmp_path):
    numbers = np.array([1, -2, 3], pth.DTYPES[kind])
    content = state(tensor(storage(length=3, kind=kind), size=(3,), stride=(1,)))
    found = read_pth(write_zip(tmp_path / "w.pth", content, {"0": numbers}))["w"]
    assert_close(found, numbers, exact=True)
    assert found.dtype == numbers.dtype


@pytest.mark.parametrize("how", ["_rebuild_tensor", "parameter", "hooks", "python 2"])
def test_ways_in_which_tensors_were_saved(how, write):
    content = {
        "_rebuild_tensor": lambda: state(tensor(function="_rebuild_tensor", rest=b"")),  # before PyTorch 0.4
        "parameter": lambda: state(b"ctorch._utils\n_rebuild_parameter\n(" + tensor() + b"\x88NtR"),
        "hooks": lambda: state(tensor(rest=b"\x89ccollections\nOrderedDict\n)R")),
        "python 2": lambda: b"\x80\x02ccollections\nOrderedDict\n]](U\x01w" + tensor() + b"ea\x85R.",
    }[how]()
    assert_close(read_pth(write(content))["w"], NUMBERS.reshape(2, 3), exact=True)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_itself_writes(zipped, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is the second opinion: make test TORCH=1 installs it")
    base = torch.arange(24.).reshape(4, 6)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    saved = {**net.state_dict(), "parameter": net[0].bias, "transposed": base.t(), "part": base[1:3, ::2], "base": base,
             "half": torch.rand(3).half(), "double": torch.rand(2, 2).double(), "number": torch.tensor(3)}
    for content in (saved, collections.OrderedDict(saved)):
        torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
        found = read_pth(tmp_path / "w.pth")
        assert list(found) == list(saved)
        for name, value in saved.items():
            assert_close(found[name], value.detach().numpy(), exact=True)
            assert found[name].dtype == value.detach().numpy().dtype
    torch.save(net.state_dict(), tmp_path / "w.pth")  # has attributes of its own
    assert len(read_pth(tmp_path / "w.pth")) == 7


# What wants to run

class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function, named", [
    (os.system, "system"), (eval, "eval"), (exec, "exec"), (getattr, "getattr"), (os.open, "open"),
    (pickle.loads, "loads"), (collections.namedtuple, "namedtuple")])
def test_nothing_in_the_file_is_called(function, named, write, tmp_path):
    target = tmp_path / "touched"
    for content in (pickle.dumps(Call(function, f"touch {target}"), 2), state(ops(Call(function, f"touch {target}")))):
        text = error_of(write(content))
        assert f".{named}, which weights do not need; nothing of it was run" in text
    assert not target.exists()
    assert f"asks for {os.system.__module__}.system, " in error_of(write(pickle.dumps(Call(os.system, "true"), 2)))


@pytest.mark.parametrize("name", ["torch\nBFloat16Storage", "torch\nload", "torch._utils\n_rebuild_qtensor",
                                  "collections\nCounter", "builtins\nobject", "torch.nn.modules.linear\nLinear"])
def test_other_names_of_pytorch_and_python_are_refused(name, write):
    assert f"asks for {name.replace(chr(10), '.')}, " in error_of(write(state(f"c{name}\n".encode())))


@pytest.mark.parametrize("part", range(3))
def test_the_pickles_around_the_weights_are_no_way_in(part, tmp_path):
    bad, path = pickle.dumps(Call(os.system, f"touch {tmp_path}/touched"), 2), tmp_path / "w.pth"
    parts = [pickle.dumps(pth.MAGIC, 2), pickle.dumps(pth.PROTOCOL, 2), pickle.dumps({"little_endian": True}, 2)]
    path.write_bytes(b"".join(parts[:part] + [bad] + parts[part + 1:]) + state(tensor()))
    assert ".system, which weights do not need" in error_of(path)
    assert not (tmp_path / "touched").exists()


def test_allowed_names_cannot_be_changed(write):
    """A pickle may set attributes on what it names; what the next file meets must be as before."""
    for name in ("torch._utils\n_rebuild_tensor_v2", "collections\nOrderedDict", "torch\nFloatStorage"):
        named = f"c{name}\n".encode()
        for attributes in (ops({"__call__": 1, "x": 1}), b"N" + ops({"__call__": 1, "x": 1}) + b"\x86"):
            error_of(write(state(named + attributes + b"b")))
    assert_close(read_pth(write(state(tensor())))["w"], NUMBERS.reshape(2, 3), exact=True)


# What is wrong

BAD_TENSORS = {
    "size": {"size": (7,), "stride": (1,)}, "offset": {"offset": 1}, "negative offset": {"offset": -1},
    "stride": {"stride": (4, 1)}, "negative stride": {"stride": (-3, 1), "offset": 5},
    "negative size": {"size": (-2, 3)},
    "a row of strides less": {"stride": (3,)}, "a number as size": {"size": 6}, "a text as size": {"size": "ab"},
    "one number a million times": {"size": (1000, 1000), "stride": (0, 0)},
    "beyond all memory": {"size": (2 ** 40, 2 ** 40), "stride": (0, 0)}, "a float": {"offset": 0.5},
    "no storage": {"place": ops("storage")}, "another kind": {"place": storage().replace(b"storage", b"garbage")},
    "a key that is a number": {"place": storage(key=0)}, "negative length": {"place": storage(length=-6)},
    "too long a storage": {"place": storage(length=7), "size": (7,), "stride": (1,)},
    "too short a storage": {"place": storage(length=5), "size": (5,), "stride": (1,)},
    "another key": {"place": storage(key="1")}, "a path": {"place": storage(key="../data.pkl")},
    "other numbers": {"place": storage(kind="DoubleStorage")},
    "a part of a storage": {"place": storage(view=ops((1, 2)))},
}


@pytest.mark.parametrize("fault", BAD_TENSORS)
def test_bad_tensors(fault, write):
    assert "is damaged, or not a file of torch.save: " in error_of(write(state(tensor(**BAD_TENSORS[fault]))))


def test_one_storage_cannot_be_two(write):
    """Else a tensor of the longer would reach beyond the end of the shorter."""
    two = tensor() + ops("v") + tensor(storage(length=3, kind="DoubleStorage"), size=(3,), stride=(1,))
    assert "two storages 0" in error_of(write(state(two)))


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off(part, write):
    error_of(cut(write(state(tensor())), part))


def test_every_cut_is_found(write):
    path = write(state(tensor()))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        error_of(path)


def test_flipped_bytes_in_a_zip_are_found(tmp_path):
    path = write_zip(tmp_path / "w.pth", state(tensor()))
    content = path.read_bytes()
    place = content.index(bytes(NUMBERS)) + 7
    path.write_bytes(content[:place] + b"\xff" + content[place + 1:])
    assert "Bad CRC-32" in error_of(path)


@pytest.mark.parametrize("content", [b"", b"<html>log in first</html>", b"\x80\x02.", b"PK\x03\x04", b"\x89PNG\r\n",
                                     b"\0" * 600])
def test_other_files(content, tmp_path):
    (tmp_path / "w.pth").write_bytes(content)
    assert "is damaged, or not a file of torch.save" in error_of(tmp_path / "w.pth")


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "without the one data.pkl" in error_of(tmp_path / "w.pth")


def test_no_file_and_a_folder(tmp_path):
    assert error_of(tmp_path / "gone.pth").startswith(f"cannot read {tmp_path / 'gone.pth'}: No such file")
    assert error_of(tmp_path).startswith(f"cannot read {tmp_path}: ")


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    bomb = write_zip(tmp_path / "w.pth", state(tensor()), {"0": bytes(1 << 24)}, how=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 16 and "compressed parts" in error_of(bomb)


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    """Many names for one stretch of the file."""
    path = write_zip(tmp_path / "w.pth", state(tensor()), {"0": bytes(4000)})
    with zipfile.ZipFile(path, "a") as archive:
        one = archive.getinfo("archive/data/0")
        for i in range(9):
            again = zipfile.ZipInfo(f"archive/data/{i + 1}")
            again.header_offset, again.CRC, again.file_size = one.header_offset, one.CRC, one.file_size
            again.compress_size = one.compress_size
            archive.filelist.append(again)
        archive._didModify = True
    assert "its parts are larger than the file" in error_of(path)


def test_a_memo_of_billions_is_not_made(write):
    assert "numbers its parts wrongly" in error_of(write(b"\x80\x02}r\xff\xff\xff\xff."))


def test_a_tower_of_tuples_is_not_climbed(write):
    """Hashed as a key it would overflow the stack of the interpreter, which no except catches."""
    assert "such as torch.save does not write" in error_of(write(b"\x80\x02})" + b"\x85" * 200_000 + b"Ns."))


def test_other_opcodes_are_refused(write):
    assert "does not write (FRAME)" in error_of(write(pickle.dumps({"w": [1] * 9}, 4)))
    assert "does not write (OBJ)" in error_of(write(b"\x80\x02(ccollections\nOrderedDict\no."))


@pytest.mark.parametrize("content", [{}, [], 3, "text", {"epoch": 3}, {"state_dict": {}}, {1: 2}])
def test_what_is_not_a_dictionary_of_tensors(content, write):
    assert "does not hold a dictionary of tensors" in error_of(write(pickle.dumps(content, 2)))


def test_big_endian_numbers_are_refused(tmp_path):
    assert "not little-endian" in error_of(write_zip(tmp_path / "z.pth", state(tensor()), byteorder="big"))
    assert "not little-endian" in error_of(write_row(tmp_path / "r.pth", state(tensor()), little=False))


def test_a_row_of_pickles_with_other_marks_or_lengths(tmp_path):
    for options in ({"magic": 7}, {"lengths": (5,)}, {"lengths": (2 ** 60,)}, {"keys": ("1",)}, {"keys": ()}):
        error_of(write_row(tmp_path / "w.pth", state(tensor()), **options))


def test_pytorch_s_first_format_is_named(tmp_path):
    import tarfile
    (tmp_path / "sys_info").write_text("")
    with tarfile.open(tmp_path / "w.pth", "w") as archive:
        archive.add(tmp_path / "sys_info", "sys_info")
    assert "is in the tar format of PyTorch's first months" in error_of(tmp_path / "w.pth")
