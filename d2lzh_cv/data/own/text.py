"""The reader of all text files of a set: tables, class lists, lists of pictures, YAML, XML, JSON.

Decoding is strict: with replacement characters, two names could become equal.
"""
from __future__ import annotations

import codecs
import re
from pathlib import Path

from ...errors import InputError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_LETTER_TOUCHES = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
CHINESE = "gb18030"


class Texts:
    """A reader of text files; ``chinese`` lists the files that it has read as GB18030.

    Args:
        encoding: the encoding of all files (``--encoding``); None to find it out for each file.

    Raises InputError for an encoding that Python does not know.
    """

    def __init__(self, encoding: str | None = None) -> None:
        try:
            self._encoding = codecs.lookup(encoding).name if encoding else None
            "".encode(self._encoding or "utf-8")  # fails for codecs that are not of text, such as 'base64'
        except LookupError:
            raise InputError(f"--encoding {encoding}: Python knows no such encoding of text; give utf-8, gb18030, "
                             "big5, shift_jis, latin-1 or another") from None
        self.chinese: list[Path] = []

    def read(self, path: Path) -> str:
        """Return the text of ``path``. Raises InputError naming it if it cannot be read or decoded."""
        return self._decode(_bytes_of(path), path)

    def read_xml(self, path: Path, limit: int) -> str:
        """Return the text of an XML file in its declared encoding, without the declaration.

        Raises InputError naming ``path`` if it has more than ``limit`` bytes or cannot be decoded.
        """
        content = _bytes_of(path, limit)
        declared = _XML_ENCODING.match(content)
        name = declared[1].decode().lower().replace("_", "-") if declared and not self._encoding else None
        if name in ("gb2312", "gbk"):  # subsets of GB18030; some files that declare them need all of it
            name = CHINESE
        elif content[:2] in (b"<\0", b"\0<") and not self._encoding:
            name = "utf-16-le" if content[1] == 0 else "utf-16-be"
        try:
            text = self._decode(content, path) if name is None else content.decode(name)
        except (LookupError, UnicodeError) as error:
            if name in ("utf-8", "utf8"):  # many tools declare it, whatever the encoding is
                text = self._decode(content, path)
            else:
                raise InputError(f"{path} declares the encoding {name} but is not in it ({error}); save it as UTF-8, "
                                 "or name its encoding with --encoding") from error
        return _XML_DECLARATION.sub("", text.removeprefix("\ufeff"))

    def lines(self, path: Path) -> list[str]:
        """Return the lines of ``path``, stripped; only empty lines at the end are removed."""
        lines = [line.strip() for line in re.split("\r\n|\r|\n", self.read(path))]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _decode(self, content: bytes, path: Path) -> str:
        if self._encoding:
            return _strictly(content, self._encoding, path)
        for bom, encoding in _BOMS:
            if content.startswith(bom):
                return _strictly(content, encoding, path)
        if b"\0" in content:
            raise InputError(f"{path} is not a text, or UTF-16 without its mark; save it as UTF-8, or name its "
                             "encoding with --encoding")
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = _as_chinese(content)
        else:
            if _is_both(content):
                raise InputError(f"{path} can be read as UTF-8 and as Chinese (GB18030), {_excerpt(text)} or "
                                 f"{_excerpt(content.decode(CHINESE))}; say which with --encoding")
            return text
        if text is None:
            raise InputError(f"{path} is neither UTF-8 nor Chinese (GB18030); save it as UTF-8, or name its encoding "
                             "with --encoding, such as --encoding latin-1")
        self.chinese.append(path)
        return text


def _bytes_of(path: Path, limit: int | None = None) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(-1 if limit is None else limit + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; make it readable or remove it") from error
    if limit is not None and len(content) > limit:
        raise InputError(f"{path} has more than {limit >> 20} MB, too much for annotations; split it or remove it")
    return content


def _strictly(content: bytes, encoding: str, path: Path) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        raise InputError(f"{path} is not in the encoding {encoding} ({error}); save it as UTF-8, or name another with "
                         "--encoding") from error


def _excerpt(text: str) -> str:
    """Return the first word with a letter that is not ASCII."""
    return next(word for word in re.split(r"[\s,;]+", text) if not word.isascii())[:20]


def _is_both(content: bytes) -> bool:
    """Return whether UTF-8 text can also be a few Chinese characters: 猫 and è have the same two bytes.

    A letter from a to z beside them, or the same first byte in a row of letters, excludes Chinese.
    """
    runs = re.findall(rb"[\x80-\xff]+", content)
    alphabet = any(len(run) > 2 and len(set(run[::2])) == 1 for run in runs)
    return bool(runs) and not alphabet and not _LETTER_TOUCHES.search(content) and all(
        re.fullmatch(rb"([\xc2-\xdf][\xa1-\xbf])+", run) for run in runs)


def _as_chinese(content: bytes) -> str | None:
    """Return the text in GB18030; None if it is not, or can also be in a European encoding of one byte per letter.

    Chinese text has many bytes from 0x80 to 0xBF, where Latin-1, Windows-1251 and similar encodings have no letters.
    Text without such a byte counts as Chinese only if it is short and does not touch a letter from a to z.
    """
    try:
        text = content.decode(CHINESE)
    except UnicodeDecodeError:
        return None
    high = bytes(byte for byte in content if byte >= 0x80)
    european = min(high) >= 0xC0 and (len(high) > 4 or _LETTER_TOUCHES.search(content))
    return None if european else text
