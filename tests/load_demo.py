"""Ask the page of ``d2lzh-cv demo`` from several clients at once; report whose answer came, the times, and the memory.

Not a test, for it takes minutes: ``python tests/load_demo.py CHECKPOINT`` (of a segmentation, 9.10). Each request has a
picture of its own; with opacity 0 the answer must be this picture, pixel for pixel.
"""
from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=50, help="by all clients together")
    parser.add_argument("--long", type=int, default=200, help="requests whose memory is measured")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 240), metavar=("WIDTH", "HEIGHT"))
    flags = parser.parse_args()
    with subprocess.Popen([sys.executable, "-m", "d2lzh_cv", "demo", flags.checkpoint, "--port", "0"], text=True,
                          stdout=subprocess.PIPE) as server, tempfile.TemporaryDirectory() as folder:
        try:
            lines = iter(server.stdout.readline, "")
            address = next(found[1] for line in lines if (found := re.search(r"the page: (\S+)", line)))
            wrong = load(address, flags, Path(folder), server.pid)
        finally:
            server.terminate()
    return 1 if wrong else 0


def load(address: str, flags: argparse.Namespace, folder: Path, process: int) -> int:
    """Send the requests and print the report; return the number of wrong answers."""
    clients = [Client(address, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120})
               for _ in range(flags.clients)]
    network = clients[0].view_api(return_format="dict", print_info=False)["named_endpoints"]["/segment"]
    label = next(one["parameter_default"] for one in network["parameters"] if one["parameter_has_default"])

    def ask(number: int) -> tuple[bool, float]:
        path = folder / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (*flags.size[::-1], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        began = time.monotonic()
        result, found = clients[number % flags.clients].predict(
            label, [{"image": handle_file(str(path)), "caption": None}], 0, api_name="/segment")
        (shown,) = result["value"]
        seconds = time.monotonic() - began
        rows = slice(flags.size[1] * 3 // 4, None)  # below the names of the classes
        with Image.open(shown["image"]) as drawn:
            own = np.array_equal(np.asarray(drawn)[rows, flags.size[0] // 2:], pixels[rows, flags.size[0] // 2:])
        return own and f"{number}.png" in found, seconds
    with ThreadPoolExecutor(flags.clients) as pool:
        began = time.monotonic()
        first = list(pool.map(ask, range(flags.requests)))
        total = time.monotonic() - began
        seconds = [one for _, one in first]
        print(f"{flags.requests} requests from {flags.clients} clients at once: {sum(own for own, _ in first)} "
              f"answered, each with its own picture; {total:.1f} s, median {statistics.median(seconds):.2f} s, longest "
              f"{max(seconds):.2f} s", flush=True)
        before, sizes = memory(process), []
        later = []
        for start in range(0, flags.long, 50):
            later += pool.map(ask, range(flags.requests + start, flags.requests + min(start + 50, flags.long)))
            sizes.append(memory(process))
        print(f"memory before {before:.0f} MB, then after each 50 of {flags.long} more requests: "
              f"{', '.join(f'{size:.0f}' for size in sizes)} MB; {sum(own for own, _ in later)} answered", flush=True)
    return sum(not own for own, _ in first + later)


def memory(process: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
