"""The command ``demo``: wrong input is one line and 2; Ctrl-C ends it with 130 and leaves nothing behind."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest
from checkpoint_kit import a_detector
from section_kit import ROOT

from d2lzh_cv import cli
from d2lzh_cv.demo import server

needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="needs the extra demo")


def call(capsys, *argv: str) -> tuple[int, str]:
    try:
        code = cli.main(["demo", *argv])
    except SystemExit as caught:
        code = caught.code
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and said.startswith("error: "), said
    return code, said


@pytest.fixture
def with_gradio(monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: object())


def test_without_gradio_the_extra_is_named(capsys, monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    code, said = call(capsys)
    assert code == 2 and "demo needs gradio: install the extra demo" in said and "'.[cpu,demo]'" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_in_use_is_named(capsys, with_gradio, host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = call(capsys, "--port", str(port), "--host", host)
    assert code == 2 and f"port {port} is in use; choose another by --port" in said


@pytest.mark.parametrize(("argv", "says"), [
    (["--port", "x"], "argument --port: 'x' is no port from 0 to 65535"), (["--port", "65536"], "'65536' is no port"),
    (["--port", "-1"], "--port"), (["--host", "192.0.2.1", "--port", "0"], "--host 192.0.2.1 is no address of this"),
    (["--host", "no such host", "--port", "0"], "--host no such host is no address"), (["--lang", "fr"], "--lang"),
    (["--port", "0", "nowhere"], "nowhere is no folder: give the folder of a trained model"),
    (["--port", "0", str(ROOT / "README.md")], "README.md is no folder: give the folder of a trained model"),
])
def test_wrong_input_is_one_line_and_2(capsys, with_gradio, argv, says):
    code, said = call(capsys, *argv)
    assert code == 2 and says in said


@needs_gradio
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_quietly_and_removes_its_folder(tmp_path, number):
    model = a_detector(tmp_path / "model")
    (tmp_path / "tmp").mkdir()
    child = subprocess.Popen([sys.executable, "-m", "d2lzh_cv", "demo", str(model), "--port", "0"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
                                  "TMPDIR": str(tmp_path / "tmp"), "HTTP_PROXY": "http://192.0.2.1:9"})
    lines = []
    for line in child.stdout:
        lines.append(line)
        if line.startswith("the page: "):
            break
    child.send_signal(number)
    _, said = child.communicate(timeout=30)
    assert (child.returncode, said) == (130, "interrupted\n"), (lines, said)
    assert lines[-1].startswith("the page: http://127.0.0.1:")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if "model" not in path.parts}
    assert left == {"tmp"} or not [name for name in left if "demo" in name or ".gradio" in name], left
