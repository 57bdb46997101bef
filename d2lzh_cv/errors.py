"""The one error a reader sees: what was wrong, in which file or flag, and what to do."""


class InputError(Exception):
    """Input that cannot be used: a file, a flag, a data set, an installation.

    Its text is one line that names the file or flag and what to do about it. The command line prints that line and
    exits with 2; a traceback appears with ``--debug`` only.
    """
