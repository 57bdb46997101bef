"""Fetching VOC2012 (section 9.9): the book's archive by its hash, unpacked whole or not at all."""
from __future__ import annotations

import sys
from pathlib import Path

from ..errors import InputError
from ..files import make_folder, make_folder_atomically
from . import hub
from .archives import unpack

VOC_URL = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
VOC_SHA1 = "4e443f8a2eca6b1dac8a6c57641b67dd40621a49"


def download_voc_pascal(data_dir: str | Path = "../data") -> str:
    """Return the folder of the VOC2012 tree, fetched (2 GB) and unpacked below ``data_dir`` unless it is there.

    A VOC2012 tree in the data root (hub.data_root) is used where it lies. Where VOC2012 cannot be fetched, the set
    hub.find gives takes its place, and one printed line says so. Section 9.9.
    Raises InputError naming the folder when it cannot be written to or its disk is full.
    """
    voc_dir = Path(data_dir) / "VOCdevkit" / "VOC2012"
    if (voc_dir / hub.VOC_LIST).is_file():
        return str(voc_dir)
    tree, what = hub.locate("voc", hub.data_root()) or (None, "")
    if what == "VOC2012":
        return str(tree)
    archive, problem = _fetch(make_folder(Path(data_dir)))
    if archive is None:
        source = hub.find("voc")
        print(f"VOC2012 was not fetched ({problem}); {source.note}")
        return str(source.path)
    with make_folder_atomically(voc_dir) as folder:
        unpack(archive, folder, below="VOCdevkit/VOC2012")
    return str(voc_dir)


def _fetch(folder: Path) -> tuple[str | None, str]:
    """Return (the archive's path, "") or (None, why it could not be fetched)."""
    import pooch
    import requests
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=20)
    try:
        return pooch.retrieve(VOC_URL, f"sha1:{VOC_SHA1}", Path(VOC_URL).name, folder, downloader=downloader), ""
    except requests.RequestException:
        return None, "its server does not answer"
    except ValueError:
        return None, "its server sent another file than the book's"
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}; free some space or choose another "
                         "folder") from error
