"""XML files of annotations, in any declared encoding, without document types."""
from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from ...errors import InputError
from .text import Texts

VOC, CVAT, BROKEN, OTHER = "Pascal VOC", "CVAT", "broken", "other"
LIMIT = {VOC: 16 << 20, CVAT: 512 << 20}  # bytes of a file: VOC has one per picture, CVAT one per set


class Unreadable(Exception):
    """The reason why a file is not readable XML."""


class _Builder(ElementTree.TreeBuilder):
    """A builder that refuses document types, because they can declare entities that fill the memory or read files."""

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
    """Return the kind of annotations in an XML file, by its first element: VOC, CVAT, BROKEN or OTHER."""
    try:
        first = re.search(r"<([A-Za-z_][\w.-]*)", texts.read_xml(path, LIMIT[CVAT]))
    except InputError:
        return BROKEN
    return {None: BROKEN, "annotation": VOC, "annotations": CVAT}.get(first and first[1], OTHER)
