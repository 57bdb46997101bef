"""docs/downloads.md: each line of the book that it lists is run, and prints what stands under it."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import mxnet as mx
import pytest
from data_kit import write_cifar10, write_picture, write_pikachu, write_voc
from mxnet.gluon import model_zoo

from d2lzh_cv.data import hub

ROOT = Path(__file__).resolve().parents[2]
PAGE, CHINESE = ROOT / "docs" / "downloads.md", ROOT / "docs" / "downloads.zh-CN.md"
# Where the set lies, and which of the section's outputs the lines then give; "" is none at all.
OUTPUTS = {
    "9.1 CIFAR-10": {"root": 0, "place": 0, "nowhere": 1},
    "9.2 Hot dogs": {"root": 0, "place": 0, "nowhere": 1},
    "9.2, 9.10 ResNet-18": {"root": 0, "place": 0, "nowhere": 1},
    "9.6 Pikachu": {"root": 0, "place": 0, "nowhere": 1},
    "9.7 Pikachu, by the package": {"root": "", "place": "", "nowhere": 0},
    "9.8 GluonCV's networks, in readers' notes": {"root": 0, "place": 0, "nowhere": 0},  # of no such weights in either
    "9.9 VOC2012, by the book's own function": {"root": 0, "place": 1, "nowhere": 2},
    "9.9, 9.10 VOC2012, by the package": {"root": "", "place": "", "nowhere": 0},
    "9.11 VGG-19": {"root": 0, "place": 0, "nowhere": 1},
    "9.12 Kaggle's CIFAR-10": {"root": 0, "place": "", "nowhere": 0},
    "9.13 Kaggle's dogs": {"root": 0, "place": "", "nowhere": 0},
    "9.13 ResNet-34": {"root": 0, "place": 0, "nowhere": 1},
}
LEFT = {"train_set": 50, "test_set": 10, "train_imgs": 4, "features": 3}  # lengths of what the lines leave

# Runs each block with the names of those before it, and keeps what it printed, how it ended and what it left.
RUN = """
import contextlib, io, json, socket, sys
import mxnet  # the order of the book
import d2lzh_cv
from d2lzh_cv.data import download
asked = []
def no_network(self, address):
    asked.append(address)
    raise OSError("no network here")
socket.socket.connect = no_network
download.hosts_that_answer = lambda urls: set()
answers, names = [], {}
for block in json.load(sys.stdin):
    out, before = io.StringIO(), set(names)
    with contextlib.redirect_stdout(out):
        try:
            exec(block, names)
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    answers.append([out.getvalue(), {name: len(names.pop(name)) for name in ("train_set", "test_set", "train_imgs",
                                                                             "features") if name in names}])
json.dump([answers, asked], open("answers.json", "w"))
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page: (language, content)."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def sections() -> dict[str, tuple[str, list[str]]]:
    """Heading to (the book's lines, the outputs under them); without the imports on top."""
    found = {}
    for heading, *rest in (text.split("\n") for text in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]):
        parts = re.findall(r"^```(\w+)\n(.*?)^```$", "\n".join(rest), re.M | re.S)
        found[heading] = parts[0][1], [content for _, content in parts[1:]]
    return found


def write_sets(root: Path) -> None:
    """Small sets in the real formats, as a reader has them in the data root."""
    write_cifar10(root / "cifar10", batches=5, pictures=10)
    for part in ("train", "test"):
        for kind in ("hotdog", "not-hotdog"):
            for i in range(2):
                write_picture(root / "hotdog" / part / kind / f"{i}.png", seed=i)
    write_pikachu(root / "pikachu", train=4, val=2)
    write_voc(root / "VOCdevkit" / "VOC2012")
    for archive in ("kaggle_cifar10/train_tiny", "kaggle_cifar10/test_tiny", "kaggle_cifar10/trainLabels.csv",
                    "kaggle_dog/train_valid_test_tiny"):
        (root / archive).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(root / f"{archive}.zip", "w") as opened:
            opened.writestr(Path(archive).name, "content")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of the book's three networks, all zero; removed afterwards, for VGG-19 takes half a gigabyte."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("resnet18_v2", "resnet34_v2", "vgg19"):
        net = model_zoo.vision.get_model(name)
        net.infer_shape(mx.nd.zeros((1, 3, 224, 224)))
        mx.nd.save(str(folder / f"{name}.params"), {key: mx.nd.zeros(parameter.shape) for key, parameter
                                                    in net._collect_params_with_prefix().items()})
    yield folder
    for path in folder.iterdir():
        path.unlink()


def run(folder: Path, root: Path) -> tuple[list, list]:
    """Run the page's lines in ``folder``/chapter with the data root ``root``."""
    (folder / "chapter").mkdir()
    (folder / "data").mkdir(exist_ok=True)
    (folder / "cache").mkdir()
    drawn = hub.cache_root() / "synthetic"  # once for all tests
    drawn.mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "synthetic").symlink_to(drawn.resolve())
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "D2LZH_CV_DATA": str(root), "MXNET_HOME": str(folder / "mxnet"),
               "D2LZH_CV_CACHE": str(folder / "cache")}
    environ.pop("MXNET_GLUON_REPO", None)
    first = "import d2lzh_cv\n"  # the tests' own environment may be without d2lzh_cv.pth
    lines = [blocks(PAGE)[0][1], *(lines for lines, _ in sections().values())]
    child = subprocess.run([sys.executable, "-W", "ignore", "-c", first + RUN], input=json.dumps(lines), text=True,
                           capture_output=True, cwd=folder / "chapter", env=environ, timeout=500)
    assert child.returncode == 0, child.stderr
    return json.loads((folder / "chapter" / "answers.json").read_text(encoding="utf-8"))


def as_on_the_page(printed: str, root: Path) -> str:
    for path in (root.resolve(), root):
        printed = printed.replace(str(path), "DATA")
    return re.sub(r"\d+ pictures", "N pictures", printed)


def expected(text: str) -> str:
    """A pattern for an output of the page: numbers of pictures are the set's, and … is anything."""
    return re.escape(re.sub(r"\d+ pictures", "N pictures", text)).replace("…", ".*")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["root", "place", "nowhere"])
def test_each_line_gives_what_the_page_says(where, weights, tmp_path):
    root = tmp_path / "data" if where == "place" else tmp_path / "root"
    root.mkdir()
    if where != "nowhere":
        write_sets(root)
        (root / "weights").symlink_to(weights)
    (imports, *answers), asked = run(tmp_path, root)
    assert imports == ["", {}] and not asked  # no line waited for the network
    for (heading, (_, outputs)), (printed, left) in zip(sections().items(), answers):
        which = OUTPUTS[heading][where]
        text = outputs[which] if which != "" else ""
        assert re.fullmatch(expected(text), as_on_the_page(printed, root)), (heading, printed, text)
        complete = "Error: " not in text and "HostGone" not in text and "Unavailable" not in text
        if where != "nowhere" and complete:
            assert left == {name: LEFT[name] for name in left}, heading


def test_the_page_lists_what_is_tested_and_nothing_else():
    assert list(sections()) == list(OUTPUTS)
    for heading, (_, outputs) in sections().items():
        assert {*range(len(outputs))} == {which for which in OUTPUTS[heading].values() if which != ""}


def test_both_languages_have_the_same_lines_and_outputs():
    assert blocks(PAGE) == blocks(CHINESE)
    headings = [re.findall(r"^## ([\d., 、]+)", page.read_text(encoding="utf-8"), re.M) for page in (PAGE, CHINESE)]
    assert headings[0] == [heading.replace("、", ", ") for heading in headings[1]]
