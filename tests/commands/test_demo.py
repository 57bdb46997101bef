"""The command ``demo``: wrong input is one line and 2."""
from __future__ import annotations

import socket

import pytest
from section_kit import ROOT

from d2lzh_cv import cli
from d2lzh_cv.commands.demo import server


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


def in_a_system_without_tables(getaddrinfo):
    """The system's function without its files: it reads addresses and knows no names."""
    def look_up(host, *args, **options):
        if host == "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *args, **options)
    return look_up


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_in_use_is_named(capsys, with_gradio, monkeypatch, host):
    monkeypatch.setattr(server.socket, "getaddrinfo", in_a_system_without_tables(socket.getaddrinfo))
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
