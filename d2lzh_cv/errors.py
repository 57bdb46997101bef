"""The error that a reader sees: what is wrong, in which file or flag, and what to do."""
from __future__ import annotations

import errno
import os

DENIED = (errno.EACCES, errno.EPERM)
OF_THE_INPUT = {*DENIED, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.ELOOP}


class InputError(Exception):
    """Unusable input: a file, a flag, a data set, an installation.

    Its text is one line that names the file or flag and what to do about it. The command line prints the line and exits
    with 2; it shows a traceback only with ``--debug``.
    """


def as_input_error(error: BaseException) -> InputError | None:
    """Turn the system's error about a reader's file into an InputError; return None for any other error.

    Such errors are a denied permission, a full disk, or a name that is too long or that a library cannot open.
    """
    if isinstance(error, InputError):
        return error
    if isinstance(error, UnicodeEncodeError) and any("\ud800" <= c <= "\udfff" for c in error.object):
        return InputError(f"{error.object} holds bytes that are not UTF-8: MXNet cannot open such a name; rename it")
    if not isinstance(error, OSError) or error.errno not in OF_THE_INPUT:
        return None
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
    if error.errno not in DENIED:
        return InputError(f"cannot use {path or 'a file'}: {error.strerror}")
    if path is None:
        return None
    return InputError(f"cannot {_denied(path)}: {error.strerror}; change its permission, or name another")


def _denied(path: str) -> str:
    """Name the denied action: to read the first closed folder on the way to ``path``, or to read or write ``path``."""
    parts = [path]
    while os.path.dirname(parts[0]) not in ("", parts[0]):
        parts.insert(0, os.path.dirname(parts[0]))
    closed = [part for part in parts if os.path.isdir(part) and not os.access(part, os.R_OK | os.X_OK)]
    if closed or (os.path.isfile(path) and not os.access(path, os.R_OK)):
        return f"read {closed[0] if closed else path}"
    return f"write {path}"
