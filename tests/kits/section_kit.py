"""Toy sections: scripts that start like the real ones but do not wait for MXNet; nor does the run that starts them."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from d2lzh_cv import contents

ROOT = Path(__file__).resolve().parents[2]
BEGIN = '''\
import sys
import types
seeds = types.ModuleType("d2lzh_cv.engine.seeds")
seeds.seed_everything = lambda seed: None
sys.modules["d2lzh_cv.engine.seeds"] = seeds
from d2lzh_cv.run import section
from d2lzh_cv.errors import InputError
run = section.start("{number}")
'''
OK = "print('hello 你好')\nrun.record(answer=42)\nrun.finish()\n"
BUG = "print('so far')\n1 / 0\nrun.finish()\n"
BAD_INPUT = "raise InputError('cat.jpg is cut off; put the original back')\n"
SLEEPS = "print('asleep', flush=True)\nimport time\ntime.sleep(60)\nrun.finish()\n"
RUN_CLI = ("import sys; from pathlib import Path; from d2lzh_cv import cli, contents; "
           "from d2lzh_cv.compat import hook; hook.check = lambda environment: None; "
           "contents.SCRIPT_FOLDERS = (Path('chapters'),); sys.exit(cli.main())")


def write_script(folder: Path, number: str, body: str) -> Path:
    """Write a toy script of the section ``number`` to ``folder``/chapters, where the command line of RUN_CLI looks."""
    path = folder / "chapters" / contents.find(number).script
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BEGIN.format(number=number) + body, encoding="utf-8")
    return path


def start_python(folder: Path, *argv: str, **options) -> subprocess.Popen:
    """Start Python in ``folder`` with this package on its path; texts in UTF-8."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "MPLBACKEND": "Agg"}
    return subprocess.Popen([sys.executable, *argv], cwd=folder, env=environment, encoding="utf-8",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def run_python(folder: Path, *argv: str) -> tuple[int, str, str]:
    """Run Python as :func:`start_python` does; returns exit code, standard output, standard error."""
    with start_python(folder, *argv) as process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err
