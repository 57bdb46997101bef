"""Zip archives with the same bytes on every run: without time stamps and without the machine's permissions."""
from __future__ import annotations

import zipfile
from pathlib import Path

from ... import files


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Write ``members`` (name in the archive: bytes), with an entry per folder, as in the book's archives."""
    folders = {name[:i + 1]: b"" for name in members for i, letter in enumerate(name) if letter == "/"}
    with files.write_atomically(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**folders, **members}.items():
            info = zipfile.ZipInfo(name, (2019, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, on every system
            info.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".csv") else zipfile.ZIP_STORED
            archive.writestr(info, data)
