"""XML of annotations: any declared encoding, no document types, and what kind of annotations it holds."""
from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from ...errors import InputError
from .text import Texts

VOC, CVAT, BROKEN, OTHER = "Pascal VOC", "CVAT", "broken", "other"
LIMIT = {VOC: 16 << 20, CVAT: 512 << 20}  # bytes: of one picture, of a whole set


class Unreadable(Exception):
    """Why a file is not XML that can be read."""


class _Builder(ElementTree.TreeBuilder):
    """Stops at a document type, the place where entities that expand without end or read other files are declared."""

    def doctype(self, name, pubid, system):
        raise Unreadable("it declares a DOCTYPE, which an annotation does not need and which can hide an attack")


def parse(path: Path, texts: Texts, kind: str) -> ElementTree.Element:
    """Return the root element of ``path``. Raises Unreadable."""
    try:
        parser = ElementTree.XMLParser(target=_Builder())
        parser.feed(texts.read_xml(path, LIMIT[kind]))
        return parser.close()
    except InputError as error:
        raise Unreadable(str(error).removeprefix(f"{path} ")) from error
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise Unreadable(f"it is not valid XML ({error})") from error


def kind_of(path: Path, texts: Texts) -> str:
    """The kind of annotations in an XML file, by its first element."""
    try:
        first = re.search(r"<([A-Za-z_][\w.-]*)", texts.read_xml(path, LIMIT[CVAT]))
    except InputError:
        return BROKEN
    return {None: BROKEN, "annotation": VOC, "annotations": CVAT}.get(first and first[1], OTHER)
