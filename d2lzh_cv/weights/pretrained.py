"""Networks of Gluon's model zoo with weights trained on ImageNet, and sources of such weights.

The book's download host is gone. torchvision publishes weights for four of the networks: its ``resnet18``, ``vgg19``,
``squeezenet1_1`` and ``mobilenet_v2`` are Gluon's ``resnet18_v1``, ``vgg19``, ``squeezenet1.1`` and
``mobilenetv2_1.0``, and need the same normalisation. A .pth file is converted on first use. The book's ``resnet18_v2``
(normalisation before each convolution) has no twin in torchvision: use its Gluon file or another network. The package
ndf ships a SqueezeNet, see :mod:`.shipped`.
"""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import model_zoo, nn

from ..data.catalogue import TWINS
from ..data.derived import make_once, place_for
from ..data.hub import cache_root, data_root
from ..data.places import weights_file
from ..engine.arrays import save_arrays
from ..errors import InputError
from ..files import write_atomically
from . import shipped
from .pth import read_pth
from .torchvision import their_names, to_gluon, weights_of

BIAS = "output.0.bias"  # of MobileNet V2 with torchvision's weights


def pretrained(name: str, weights: Path | None = None, ctx: mx.Context | None = None,
               download: bool = False) -> gluon.HybridBlock:
    """Return network ``name`` of Gluon's model zoo with its weights: (B, 3, H, W), normalised, to (B, 1000).

    Raises InputError, which says what file to put where, if the network or its weights do not exist.

    Args:
        name: such as "resnet18_v1".
        weights: the folder to search; by default ``weights`` in the data root, then what the package ndf ships.
        ctx: the device, by default the CPU.
        download: fetch missing weights into the data root, as ``d2lzh-cv data fetch`` does.
    """
    folder = Path(weights or data_root() / "weights")
    _empty(name)
    path = find_params(folder, name) or (shipped_params(name) if weights is None else None)
    if path is None and download:
        from ..data.fetch import fetch  # imported here: it is slow to import and seldom needed
        path = find_params(fetch(name).parent, name)
    if path is None:
        raise InputError(f"no weights of {name} in {folder}: {where_to_get(name)}")
    return load_network(path, name, ctx)


def find_params(folder: Path, name: str, whole: bool = False) -> Path | None:
    """Find the weights of ``name``: a Gluon file in ``folder``, else torchvision's, converted and kept.

    whole: ignore files that hold only the features.
    """
    return weights_file(folder, name, whole=whole) or _converted(folder, name)


def shipped_params(name: str) -> Path | None:
    """Return the weights of ``name`` that the package ndf ships, converted on first use and kept; None if it has none.

    Raises InputError naming ndf's file if it is not the known one.
    """
    source = shipped.find() if name == shipped.NAME else None
    if source is None:
        return None
    file = f"{name}-ndf.params"
    place = place_for(source, cache_root() / "weights")
    return make_once(place, [source], lambda out: save(shipped.for_gluon(shipped.read(source)), out / file)) / file


def where_to_get(name: str) -> str:
    """Return advice for a message: which file to put among the weights."""
    if name in TWINS:
        return f"put {name}.params there, or torchvision's {TWINS[name]}-*.pth, which is converted on first use"
    if name.startswith("resnet") and name.endswith("_v2"):
        return f"put {name}.params there; torchvision has no {name}, its resnet18 is resnet18_v1"
    return f"put {name}.params there; torchvision's is not converted"


def load_network(path: Path, name: str, ctx: mx.Context | None = None) -> gluon.HybridBlock:
    """Return network ``name`` with the weights in ``path``; raises InputError as :func:`load_weights` does.

    The output of MobileNet V2 has no bias in Gluon and one in torchvision; the network is built to fit the file.
    """
    net = _empty(name, bias=name.startswith("mobilenetv2") and BIAS in _loaded(path, name))
    load_weights(net, path, name, ctx)
    return net


def load_weights(block: gluon.HybridBlock, path: Path, name: str, ctx=None) -> None:
    """Load ``path`` into ``block``. Raises InputError naming both if the file is damaged or of another network."""
    try:
        block.load_parameters(str(path), ctx=ctx)
    except (mx.MXNetError, AssertionError, ValueError, OSError) as error:
        raise _unusable(path, name, error) from error


def convert(path: Path, name: str | None = None) -> tuple[str, dict[str, np.ndarray]]:
    """Read torchvision's weights and return the network's name in Gluon's model zoo, and its parameters by name.

    Raises InputError naming the file if it is damaged or not exactly one of the four networks.

    Args:
        path: a .pth file of ``torch.save``; its code is not run.
        name: Gluon's or torchvision's name of the network; by default the content decides.
    """
    state = read_pth(path)
    name = {their: our for our, their in TWINS.items()}.get(name, name) if name else _guess(state, Path(path))
    if name not in TWINS:
        raise InputError(f"no twin of {name}: torchvision's {', '.join(TWINS.values())} become {', '.join(TWINS)}")
    net = _empty(name, bias=True)
    net.infer_shape(nd.zeros((1, 3, 224, 224)))
    shapes = {key: tuple(parameter.shape) for key, parameter in net._collect_params_with_prefix().items()}
    return name, to_gluon(state, name, shapes, Path(path))


def save(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write parameters as ``save_parameters`` does; ``path`` gets its name when all are on disk."""
    with write_atomically(path) as file:
        save_arrays(file.name, {key: nd.array(array, dtype=array.dtype) for key, array in arrays.items()})


def _converted(folder: Path, name: str) -> Path | None:
    source = weights_file(folder, TWINS[name], ".pth") if name in TWINS else None
    if source is None:
        return None
    file = f"{name}-torchvision.params"

    def make(out: Path) -> None:
        print(f"converting {source.name}, torchvision's {TWINS[name]}, for {name} (kept for next time)")
        save(convert(source, name)[1], out / file)
    return make_once(place_for(source, cache_root() / "weights"), [source], make) / file


def _guess(state: dict[str, np.ndarray], path: Path) -> str:
    """The network with exactly these keys, else the one in the file's name, so that a message can name missing keys."""
    keys = set(weights_of(state))
    for name in TWINS:
        if keys == set(their_names(name, list(_empty(name, bias=True)._collect_params_with_prefix())).values()):
            return name
    for name, twin in TWINS.items():
        if path.stem == twin or path.stem.startswith(f"{twin}-"):
            return name
    raise InputError(f"{path} is none of torchvision's {', '.join(TWINS.values())}: it has {', '.join(list(keys)[:3])}")


def _empty(name: str, bias: bool = False) -> gluon.HybridBlock:
    """The network without weights; ``bias`` gives MobileNet V2's output a bias."""
    try:
        net = model_zoo.vision.get_model(name)
    except ValueError:
        raise InputError(f"Gluon's model zoo has no network {name}; torchvision has {', '.join(TWINS)}") from None
    if bias and name.startswith("mobilenetv2"):
        output = nn.HybridSequential(prefix="output_")
        output.add(nn.Conv2D(1000, 1, prefix="pred_"), nn.Flatten())
        net.output = output
    return net


def _loaded(path: Path, name: str) -> dict[str, nd.NDArray]:
    try:
        return nd.load(str(path))
    except (mx.MXNetError, ValueError, OSError) as error:
        raise _unusable(path, name, error) from error


def _unusable(path: Path, name: str, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[-1]  # without MXNet's own traceback
    return InputError(f"{path} does not hold the weights of {name}: {reason}; put the file there again, or remove it")
