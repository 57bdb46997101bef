"""How fast, and in how much memory, VOC and Pikachu are read: ours beside the book's way, interleaved, in one run.

    python benchmarks/readers.py [--pictures 2000] [--rounds 7] [--only voc|pikachu]

Each line is a median over the rounds with the least and the most. One OpenMP thread. Memory needs Linux.
"""
from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HEIGHT, WIDTH, CROP = 375, 500, (320, 480)
DRAWN = 40  # different pictures in the tree; the others are links to them


def main() -> None:
    options = _options()
    if options.measure:  # in a process of its own
        print(json.dumps({"before": _peak(), "examples": MEMORY[options.measure](options.tree), "peak": _peak()}))
        return
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    if options.only != "pikachu":
        with tempfile.TemporaryDirectory() as folder:
            voc(Path(folder), options)
    if options.only != "voc":
        pikachu_speed(options.rounds)


def voc(folder: Path, options: argparse.Namespace) -> None:
    few, tree = draw_tree(folder / "few", DRAWN), draw_tree(folder / "VOC", options.pictures)
    first_epoch(few, options.rounds)
    later_epochs(few, tree, options.rounds)
    for way in MEMORY:
        voc_memory(way, tree)


def draw_tree(tree: Path, pictures: int) -> Path:
    """A VOC tree of 500 × 375: smooth noise with grain as JPEG, blocks of classes as PNG with VOC's palette."""
    import numpy as np
    from PIL import Image

    from d2lzh_cv.data.voc_labels import VOC_COLORMAP
    rng, names = np.random.default_rng(0), [f"2007_{i:06}" for i in range(pictures)]
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tree / name).mkdir(parents=True)
    palette = np.zeros((256, 3), np.uint8)
    palette[:21], palette[255] = VOC_COLORMAP, (224, 224, 192)
    for i, name in enumerate(names):
        paths = tree / f"JPEGImages/{name}.jpg", tree / f"SegmentationClass/{name}.png"
        if i >= DRAWN:
            for path in paths:
                os.link(path.with_name(names[i % DRAWN] + path.suffix), path)
            continue
        smooth = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((WIDTH, HEIGHT), 3)
        grain = np.asarray(smooth, np.int16) + rng.integers(-12, 13, (HEIGHT, WIDTH, 3))
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(paths[0], quality=85)
        blocks = Image.fromarray(rng.integers(0, 21, (6, 8), dtype=np.uint8)).resize((WIDTH, HEIGHT), 0)
        mask = np.asarray(blocks).copy()
        mask[rng.random(mask.shape) < 0.01] = 255
        mask = Image.fromarray(mask, "P")
        mask.putpalette(palette.ravel().tolist())
        mask.save(paths[1])
    for part in ("train", "val"):
        (tree / f"ImageSets/Segmentation/{part}.txt").write_text("\n".join(names))
    return tree


class BookDataset:
    """The book's way: whole normalised pictures held as float32, labels through an NDArray of all colours."""

    def __init__(self, tree: Path) -> None:
        import mxnet as mx
        from mxnet import nd

        from d2lzh_cv.data.voc_labels import VOC_COLORMAP
        self.mx, mean, std = mx, nd.array([0.485, 0.456, 0.406]), nd.array([0.229, 0.224, 0.225])
        names = (tree / "ImageSets/Segmentation/train.txt").read_text().split()
        pictures = [mx.image.imread(str(tree / f"JPEGImages/{name}.jpg")) for name in names]
        self.masks = [mx.image.imread(str(tree / f"SegmentationClass/{name}.png")) for name in names]
        self.pictures = [(picture.astype("float32") / 255 - mean) / std for picture in pictures]
        self.table = nd.zeros(256 ** 3)
        for i, (red, green, blue) in enumerate(VOC_COLORMAP):
            self.table[(red * 256 + green) * 256 + blue] = i
        nd.waitall()

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, idx: int) -> tuple:
        picture, place = self.mx.image.random_crop(self.pictures[idx], CROP[::-1])
        mask = self.mx.image.fixed_crop(self.masks[idx], *place).astype("int32")
        return picture.transpose((2, 0, 1)), self.table[(mask[:, :, 0] * 256 + mask[:, :, 1]) * 256 + mask[:, :, 2]]


def our_dataset(tree: Path, cache_bytes: int | None = None):
    from contextlib import redirect_stdout
    from io import StringIO

    from d2lzh_cv.data import voc

    class Dataset(voc.VOCSegDataset):
        pass
    if cache_bytes is not None:
        Dataset.cache_bytes = cache_bytes
    with redirect_stdout(StringIO()):
        return Dataset(True, CROP, tree, voc.voc_colormap2label())


def take(dataset, indices: Iterable[int]) -> None:
    for idx in indices:
        for array in dataset[idx]:
            array.wait_to_read()


def first_epoch(tree: Path, rounds: int) -> None:
    """With the making of the data set: the book decodes there, ours when a picture is first taken."""
    def epoch(make: Callable[[Path], object]) -> int:
        dataset = make(tree)
        take(dataset, range(len(dataset)))
        return len(dataset)
    ways = {"the book's way": BookDataset, "ours": our_dataset, "ours, nothing kept": lambda tree: our_dataset(tree, 0)}
    compare("VOC, made and first epoch, samples a second",
            {name: (lambda make=make: epoch(make)) for name, make in ways.items()}, rounds)


def later_epochs(few: Path, tree: Path, rounds: int) -> None:
    """The book's way on as many pictures as the memory holds; ours takes its samples from the whole set."""
    datasets = {"the book's way": BookDataset(few), "ours": our_dataset(tree),
                "ours, nothing kept": our_dataset(few, 0)}
    take(datasets["ours"], range(len(datasets["ours"])))
    counts = {"the book's way": 40, "ours": 400, "ours, nothing kept": 40}

    def some(name: str) -> int:
        dataset, count = datasets[name], counts[name]
        take(dataset, random.sample(range(len(dataset)), min(count, len(dataset))))
        return min(count, len(dataset))
    compare("VOC, later epochs, samples a second", {name: (lambda name=name: some(name)) for name in datasets}, rounds)


def voc_memory(way: str, tree: Path) -> None:
    command = [sys.executable, __file__, "--measure", way, "--tree", str(tree)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    print(f"VOC, {result['examples']} pictures, {way}: peak {result['peak']} MB, of which MXNet and Python "
          f"{result['before']} MB")


def _measure(make: Callable[[Path], object]) -> Callable[[Path], int]:
    def measure(tree: Path) -> int:
        dataset = make(tree)
        order = random.Random(0).sample(range(len(dataset)), len(dataset))
        take(dataset, order + order[:100])  # with some of a later epoch
        return len(dataset)
    return measure


MEMORY = {"ours": _measure(our_dataset), "the book's way": _measure(BookDataset)}


def pikachu_speed(rounds: int) -> None:
    from d2lzh_cv.data import hub, pikachu
    source = hub.find("pikachu")
    print(source.note)
    iterators = {name: pikachu.load_pikachu(source, 32, 256, reader=reader)[0]
                 for name, reader in (("ImageDetIter", "python"), ("ImageDetRecordIter, two threads", "fast"))}

    def epoch(iterator) -> int:
        iterator.reset()
        count = 0
        for batch in iterator:
            batch.data[0].wait_to_read()
            count += batch.data[0].shape[0] - batch.pad
        return count
    compare("Pikachu, pictures a second", {name: (lambda it=it: epoch(it)) for name, it in iterators.items()}, rounds)


def compare(title: str, cases: dict[str, Callable[[], int]], rounds: int) -> None:
    """Time each case once a round; print rates, by the clock and by processor time, and their ratios to the first's."""
    rates = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            clock, processor = time.perf_counter(), time.process_time()
            count = case()
            rates[name].append((count / (time.perf_counter() - clock), count / (time.process_time() - processor)))
    first = next(iter(rates.values()))
    for name, pairs in rates.items():
        clock, processor = ([pair[k] for pair in pairs] for k in (0, 1))
        times = [statistics.median(pair[k] / base[k] for pair, base in zip(pairs, first)) for k in (0, 1)]
        print(f"{title}, {name}: {statistics.median(clock):.0f} ({min(clock):.0f} to {max(clock):.0f}), "
              f"× {times[0]:.1f}; a processor second {statistics.median(processor):.0f}, × {times[1]:.1f}", flush=True)


def _peak() -> int:
    """MB; the peak that getrusage tells a child begins with its parent's."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000, help="of the drawn VOC tree (default 2000)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["voc", "pikachu"])
    parser.add_argument("--measure", choices=list(MEMORY), help=argparse.SUPPRESS)
    parser.add_argument("--tree", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        import d2lzh_cv.data.voc  # noqa: F401  (with MXNet: what is there before)
    return options


if __name__ == "__main__":
    main()
