"""The page as browsers and programs use it, over HTTP: each gets the answer for its own picture."""
from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from checkpoint_kit import a_classifier, a_detector, constant_fcn
from data_kit import write_picture
from mxnet import init
from mxnet.gluon import nn
from PIL import Image

from d2lzh_cv import cli, style
from d2lzh_cv.commands.demo import server
from d2lzh_cv.commands.demo.networks import Networks, of_checkpoint

# Gradio is imported by the tests that need it: its import takes seconds, and each process of a run collects this file.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow,
              pytest.mark.skipif(find_spec("gradio") is None, reason="needs the extra demo")]
CLIENTS, REQUESTS = 8, 2


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    mx.random.seed(0)
    layers = nn.HybridSequential()
    layers.add(nn.Conv2D(8, 3, 1, 1, activation="relu"), nn.Conv2D(8, 3, 2, 1, activation="relu"))
    layers.initialize(init.Xavier())
    trained = [of_checkpoint(make(root / make.__name__)) for make in (a_detector, constant_fcn, a_classifier)]
    with server.running(Networks(trained, style.FeatureExtractor(layers, (1,), (0, 1)))) as page:
        yield page


def connect(page, **options):
    """A client that waits as long as a busy machine takes."""
    from gradio_client import Client
    return Client(page.address, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120}, **options)


@pytest.fixture
def client(page):
    return connect(page)


def ask_for(client, page, task: str, paths: list, slider: float) -> tuple[list[dict], str]:
    """The drawn pictures and the findings for pictures."""
    from gradio_client import handle_file
    gallery = [{"image": handle_file(str(path)), "caption": None} for path in paths]
    result, found = client.predict(page.networks.of(task)[0].label, gallery, slider, api_name=f"/{task}")
    return result["value"], found


def colour(index: int) -> tuple[int, int, int]:
    return (10 + 9 * index, 250 - 9 * index, 40 + 7 * index)


def test_many_at_once_get_each_the_answer_for_their_own_picture(page, tmp_path):
    """All pixels are of class 1, whose colour covers the picture by half: the mixture tells whose picture it is."""
    dawn = np.array([128, 0, 0])

    def ask(index: int) -> list[int]:
        client, wrong = connect(page), []
        for request in range(REQUESTS):
            own = index * REQUESTS + request
            path = tmp_path / f"{own}.png"
            Image.new("RGB", (64, 96), colour(own)).save(path)
            (shown,), found = ask_for(client, page, "segment", [path], 0.5)
            pixel = np.asarray(Image.open(shown["image"]).convert("RGB"))[-1, -1]
            if np.abs(pixel - (dawn + colour(own)) / 2).max() > 0.51 or f"{own}.png" not in found:
                wrong.append(own)
        return wrong
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sum(pool.map(ask, range(CLIENTS)), []) == []


def test_several_pictures_and_a_broken_one(page, client, tmp_path, capfd):
    (tmp_path / "notes.jpg").write_text("notes")
    paths = [write_picture(tmp_path / "a.png"), tmp_path / "notes.jpg", write_picture(tmp_path / "b.png", seed=1)]
    shown, found = ask_for(client, page, "classify", paths, 0.3)
    assert [item["caption"] for item in shown] == ["a.png", "b.png"] and found.count("<section>") == 2
    assert [str(item["image"]).rsplit("/")[-1] for item in shown] == ["a_classify.png", "b_classify.png"]
    assert "Cannot use it: notes.jpg is not a whole picture of a known format" in found
    assert "Traceback" not in capfd.readouterr().err


def test_the_slider_draws_again_without_the_network(page, client, tmp_path, monkeypatch):
    _, few = ask_for(client, page, "detect", [write_picture(tmp_path / "a.png", 80, 80)], 0.9)
    monkeypatch.setattr("d2lzh_cv.commands.demo.answers.answer", None)
    (shown,), many = client.predict(0.05, api_name="/detect_again")
    assert many.count("<li>") > few.count("<li>")
    assert (np.asarray(Image.open(shown["image"])) != np.asarray(Image.open(tmp_path / "a.png"))).any()


def test_a_style_transfer_shows_its_steps_and_can_be_stopped(page, client, tmp_path):
    from gradio_client import handle_file
    pictures = [handle_file(str(write_picture(tmp_path / f"{i}.png", 64, 64, seed=i))) for i in range(2)]
    _, line = client.predict(*pictures, 10, 128, api_name="/style")
    assert "Step 10 of 10" in line and "Done." in line
    job = client.submit(*pictures, 500, 256, api_name="/style")
    while not any("Step" in line for _, line in job.outputs()):
        time.sleep(0.05)
    client.predict(api_name="/stop")
    _, line = job.result(timeout=20)
    assert "Stopped." in line and "of 500" in line


def test_closed_in_the_middle_of_a_style_transfer_the_page_stops_it(page, tmp_path):
    """As a browser does it: joined to the queue, the stream of events read, and the connection cut."""
    client = connect(page)
    paths = [write_picture(tmp_path / f"{i}.png", 64, 64, seed=i) for i in range(2)]
    uploaded = [upload(page.address, path) for path in paths]
    config = json.loads(urllib.request.urlopen(page.address + "config").read())
    index = next(one["id"] for one in config["dependencies"] if one["api_name"] == "style")
    files = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in uploaded]
    post(page.address + "gradio_api/queue/join", {"data": [*files, 500, 256], "fn_index": index,
                                                  "session_hash": "closed"})
    with urllib.request.urlopen(page.address + "gradio_api/queue/data?session_hash=closed") as events:
        for line in events:
            if b"Step" in line:
                break
    (painting,) = page._style_tab._paintings.values()
    wait_until(lambda: painting.stopped and not page._style_tab._paintings)
    painting.join()
    assert ask_for(client, page, "segment", paths, 0)[1].count("<section>") == 2


def wait_until(done, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.05)


def post(address: str, content: dict) -> dict:
    request = urllib.request.Request(address, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def upload(address: str, path: str) -> str:
    """Send a file as a form does; return its path there."""
    with open(path, "rb") as file:
        body = (b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
                b"Content-Type: image/png\r\n\r\n" + file.read() + b"\r\n--x--\r\n")
    request = urllib.request.Request(address + "gradio_api/upload", body,
                                     {"Content-Type": "multipart/form-data; boundary=x"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())[0]


def test_the_page_loads_nothing_from_elsewhere(page):
    """No address of another host is in what a browser loads by itself: scripts, styles, pictures, fonts."""
    html = urllib.request.urlopen(page.address).read().decode()
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(\w+://[^\"'> ]+)", html)
    assert [address for address in loaded if not address.startswith(page.address)] == []
    theme = urllib.request.urlopen(page.address + "theme.css").read().decode()
    assert [address for address in re.findall(r"url\(.?(\w+://[^)]+)", theme) + re.findall("@import.*", theme)] == []


def test_it_speaks_the_language_of_the_browser(page, tmp_path):
    client = connect(page, headers={"Accept-Language": "zh-CN,en"})
    (tmp_path / "notes.jpg").write_text("notes")
    _, found = ask_for(client, page, "classify", [tmp_path / "notes.jpg"], 0.3)
    assert "不能使用" in found


def test_kill_ends_the_command_as_ctrl_c_does_quietly_and_with_its_folder_removed(tmp_path, monkeypatch, capsys):
    """Through a proxy that is not there, because the page is on this computer."""
    addresses = []

    class Terminated:
        def wait(self) -> None:
            said = capsys.readouterr().out.splitlines()[-1]
            addresses.append(said.split()[2])
            assert urllib.request.urlopen(addresses[0]).status == 200 and list((tmp_path / "tmp").iterdir())
            signal.raise_signal(signal.SIGTERM)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("d2lzh_cv.commands.demo.threading", SimpleNamespace(Event=Terminated))
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    before = dict(os.environ)
    assert cli.main(["demo", str(a_detector(tmp_path / "model")), "--port", "0"]) == 130
    assert capsys.readouterr().err == "interrupted\n" and addresses[0].startswith("http://127.0.0.1:")
    assert list((tmp_path / "tmp").iterdir()) == [] and dict(os.environ) == before
