"""Fetching one file: mirrors in order, retries, resume. It takes its name only when its hash is right."""
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
from tqdm.auto import tqdm

from ..errors import InputError
from ..files import make_folder
from .catalogue import Remote
from .derived import one_at_a_time

CONNECT_SECONDS, SILENCE_SECONDS = 5, 20  # until a mirror must answer; until its next bytes must come
TRIES, PAUSE_SECONDS = 4, 1  # of one mirror, as long as each brings it further or it says to come again
CHUNK = 1 << 18
pooch.get_logger().setLevel("WARNING")  # it would announce every file with its whole address


class Unavailable(InputError):
    """No mirror gave the file; the message says what each did."""


class WrongContent(Exception):
    """A mirror sent a file of another hash."""


def download(file: Remote, target: Path, downloads: Path) -> Path:
    """Return ``target``, the file fetched unless the right one is there.

    What has come of a file is kept below ``downloads`` and resumed next time, from any mirror. Two processes may
    fetch the same file: one does, the other waits and finds it. Another file that stands in ``target`` is kept as
    NAME.replaced.

    Raises:
        Unavailable: no mirror has it; each is named with its reason.
        InputError: the disk is full, or a folder cannot be written to.
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
    """Tell whether ``path`` is there and is ``file``; of sha256 the beginning of a hash will do."""
    if not path.is_file():
        return False
    if file.hash:
        algorithm, _, wanted = file.hash.partition(":")
        return pooch.file_hash(str(path), algorithm).startswith(wanted)
    return bool(file.holds) and all(_member_hash(path, name, digest) for name, digest in file.holds)


def _member_hash(archive: Path, name: str, digest: str) -> bool:
    algorithm, _, wanted = digest.partition(":")
    found = hashlib.new(algorithm)
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as member:
            while chunk := member.read(CHUNK):
                found.update(chunk)
    except (zipfile.BadZipFile, KeyError, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return False
    return found.hexdigest() == wanted


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
    """The hosts of ``urls`` that accept a connection within CONNECT_SECONDS, all asked at once.

    Offline, or with a mirror that swallows packets, the reader then waits once and not for each. Behind a proxy all
    are taken to answer.
    """
    if any(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) for url in urls):
        return set(_hosts(urls))
    answers: set[str] = set()
    threads = [threading.Thread(target=_knock, args=(urlsplit(url), answers), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    end = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return set(answers)


def _knock(url, answers: set[str]) -> None:
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    try:
        socket.create_connection((url.hostname, port), CONNECT_SECONDS).close()
    except OSError:
        return
    answers.add(url.netloc)


def _hosts(urls: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(urlsplit(url).netloc for url in urls))


class _Resuming:
    """A downloader for pooch, which gives it the place of a temporary file: resumes ``part``, checks, moves."""

    def __init__(self, file: Remote, part: Path) -> None:
        self.file, self.part = file, part

    def __call__(self, url: str, output_file: str, _pooch, check_only: bool = False) -> None:
        resumed = self._size() > 0
        self._fetch(url)
        if not is_right(self.part, self.file):
            self.part.unlink(missing_ok=True)
            if not resumed:
                raise WrongContent
            return self(url, output_file, _pooch)  # what was there from before may have been the wrong half
        os.replace(self.part, output_file)

    def _fetch(self, url: str) -> None:
        for attempt in range(1, TRIES + 1):
            before = self._size()
            try:
                return self._go_on(url)
            except requests.RequestException as error:
                if attempt == TRIES or not (_worth_another_try(error) or self._size() > before):
                    raise
                time.sleep(PAUSE_SECONDS * attempt)

    def _go_on(self, url: str) -> None:
        have = self._size()
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with requests.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)) as response:
            if response.status_code == 416:  # there is no more
                return
            response.raise_for_status()
            have = have if response.status_code == 206 else 0
            total = have + int(response.headers.get("Content-Length", 0))
            with self.part.open("ab" if have else "wb") as file, tqdm(
                    desc=self.file.name, initial=have, total=total or None, unit="B", unit_scale=True, leave=False,
                    disable=None) as bar:
                for chunk in response.iter_content(CHUNK):
                    bar.update(file.write(chunk))
        if self._size() < total:
            raise requests.exceptions.ChunkedEncodingError(f"{self._size()} of {total} bytes came")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _worth_another_try(error: requests.RequestException) -> bool:
    status = getattr(error.response, "status_code", None)
    return status in (429, 500, 502, 503, 504)


def _reason(error: Exception) -> str:
    if isinstance(error, WrongContent):
        return "sent another file than the registered one"
    if isinstance(error, requests.HTTPError):
        return f"says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return "does not answer"
    if isinstance(error, requests.Timeout):
        return f"sent nothing for {SILENCE_SECONDS} s"
    return "broke the connection"
