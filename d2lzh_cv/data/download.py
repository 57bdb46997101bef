"""Download of one file, with mirrors, retries and resumption. The file appears only after its hash is checked."""
from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from tqdm import tqdm

from ..errors import InputError
from ..files import make_folder
from .catalogue import Remote
from .derived import one_at_a_time

CONNECT_SECONDS, SILENCE_SECONDS = 5, 20  # time limits for the connection, and for the next bytes
TRIES, PAUSE_SECONDS = 4, 1  # per mirror; another try needs progress or a temporary error
CHUNK = 1 << 18
TEMPORARY = (429, 500, 502, 503, 504)  # HTTP status codes that may go away
pooch.get_logger().setLevel("WARNING")  # else pooch prints the full URL of every file


class Unavailable(InputError):
    """No mirror has sent the file; the message gives the reason for each."""


class WrongContent(Exception):
    """A mirror has sent a file with a wrong hash."""


def download(file: Remote, target: Path, downloads: Path) -> Path:
    """Download ``file`` to ``target``, unless ``target`` has the right hash, and return ``target``.

    An interrupted download stays below ``downloads`` and is resumed next time, from any mirror. If two processes fetch
    the same file, one waits for the other. A different file at ``target`` is kept as NAME.replaced.

    Raises:
        Unavailable: no mirror has sent the file; the message gives the reason for each.
        InputError: the disk is full, or a folder is not writable.
    """
    place = make_folder(Path(downloads) / f"{file.name}.partial")
    with one_at_a_time(place):
        if is_right(target, file):
            return target
        try:
            make_folder(target.parent)
            if target.exists():
                os.replace(target, target.with_name(f"{target.name}.replaced"))
            return _from_mirrors(file, target, place / "part")
        except OSError as error:
            raise InputError(f"cannot write {target}: {error.strerror or error}; free some space or choose another "
                             "folder") from error


def is_right(path: Path, file: Remote) -> bool:
    """Return whether ``path`` exists and has the hash of ``file``, or begins with it."""
    if not path.is_file():
        return False
    if file.hash:
        algorithm, _, digest = file.hash.partition(":")
        return pooch.file_hash(str(path), algorithm).startswith(digest)
    return bool(file.holds) and all(_member_is_right(path, name, hashed) for name, hashed in file.holds)


def _member_is_right(archive: Path, name: str, hashed: str) -> bool:
    algorithm, _, digest = hashed.partition(":")
    content_hash = hashlib.new(algorithm)
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as member:
            while chunk := member.read(CHUNK):
                content_hash.update(chunk)
    except (zipfile.BadZipFile, KeyError, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return False
    return content_hash.hexdigest() == digest


def _from_mirrors(file: Remote, target: Path, part: Path) -> Path:
    answering, reasons = hosts_that_answer(file.urls), []
    for url in file.urls:
        host = urlsplit(url).netloc
        try:
            if host not in answering:
                raise requests.ConnectTimeout
            pooch.retrieve(url, None, target.name, target.parent, downloader=_Resuming(file, part))
            return target
        except (requests.RequestException, WrongContent) as error:
            reasons.append(f"{host} {_reason(error)}")
            print(f"{file.name}: {reasons[-1]}", file=sys.stderr)
    if not answering:
        raise Unavailable(f"{file.name} cannot be fetched: no mirror answers ({', '.join(_hosts(file.urls))}); is this "
                          "machine offline?")
    raise Unavailable(f"{file.name} cannot be fetched: {'; '.join(reasons)}")


def hosts_that_answer(urls: tuple[str, ...]) -> set[str]:
    """Return the hosts of ``urls`` that accept a connection within CONNECT_SECONDS.

    All are asked in parallel, so that a reader who is offline waits only once. Behind a proxy, all count as answering.
    """
    if any(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) for url in urls):
        return set(_hosts(urls))
    answers: set[str] = set()
    threads = [threading.Thread(target=_try_to_connect, args=(urlsplit(url), answers), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return set(answers)


def _try_to_connect(url, answers: set[str]) -> None:
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    try:
        socket.create_connection((url.hostname, port), CONNECT_SECONDS).close()
    except OSError:
        return
    answers.add(url.netloc)


def _hosts(urls: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(urlsplit(url).netloc for url in urls))


class _Resuming:
    """A downloader for pooch: it resumes ``part``, checks the hash, and moves the file to pooch's temporary file."""

    def __init__(self, file: Remote, part: Path) -> None:
        self.file, self.part = file, part

    def __call__(self, url: str, output_file: str, _pooch, check_only: bool = False) -> None:
        resumed = self._size() > 0
        self._fetch(url)
        if not is_right(self.part, self.file):
            self.part.unlink(missing_ok=True)
            if not resumed:
                raise WrongContent
            return self(url, output_file, _pooch)  # the resumed part may have been wrong: start from zero
        os.replace(self.part, output_file)

    def _fetch(self, url: str) -> None:
        for attempt in range(1, TRIES + 1):
            before = self._size()
            try:
                return self._resume(url)
            except requests.RequestException as error:
                status = getattr(error.response, "status_code", None)
                if attempt == TRIES or not (status in TEMPORARY or self._size() > before):
                    raise
                time.sleep(PAUSE_SECONDS * attempt)

    def _resume(self, url: str) -> None:
        start = self._size()
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        with requests.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)) as response:
            if response.status_code == 416:  # range not satisfiable: the file is complete
                return
            response.raise_for_status()
            start = start if response.status_code == 206 else 0
            total = start + int(response.headers.get("Content-Length", 0))
            with self.part.open("ab" if start else "wb") as file, tqdm(
                    desc=self.file.name, initial=start, total=total or None, unit="B", unit_scale=True, leave=False,
                    disable=None) as bar:
                for chunk in response.iter_content(CHUNK):
                    bar.update(file.write(chunk))
        if self._size() < total:
            raise requests.exceptions.ChunkedEncodingError(f"received {self._size()} of {total} bytes")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, WrongContent):
        return "sent a file with a wrong hash"
    if isinstance(error, requests.HTTPError):
        return f"says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return "does not answer"
    if isinstance(error, requests.Timeout):
        return f"sent nothing for {SILENCE_SECONDS} s"
    return "broke the connection"
