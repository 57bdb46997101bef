"""A figure in a real browser: its controls, the numbers that it shows, and how they are held against MXNet's."""

from __future__ import annotations

import numpy as np

MOVE = """async (root, moves) => {
  const inputs = (key) => [...root.querySelectorAll(`[data-key="${key}"]`)], taken = {}, shown = {};
  const set = (key, value) => {
    const radio = inputs(key)[0].type === "radio";
    const input = radio ? inputs(key).find((one) => one.value === String(value)) : inputs(key)[0];
    if (radio) input.checked = true; else input.value = value;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    taken[key] = input.value;
  };
  for (const [key, value] of moves) {
    if (!Array.isArray(value)) set(key, value);
    else {
      const sides = ["xmin", "ymin", "xmax", "ymax"].map((side) => `${key}-${side}`);
      for (const [low, high] of [[0, 2], [1, 3]]) {  // no side may pass the opposite one
        const order = value[low] <= Number(inputs(sides[high])[0].value) ? [low, high] : [high, low];
        for (const i of order) set(sides[i], value[i]);
      }
    }
  }
  await null;  // the figure draws once for all moves
  for (const node of root.querySelectorAll("[data-name]")) (shown[node.dataset.name] ??= []).push(node.dataset.value);
  return [taken, shown];
}"""
CALL = """([name, code, argument]) =>
  eval(code)(document.querySelector(`[data-d2l-figure="${name}"]`).shadowRoot, argument)"""


class Page:
    """A figure in a page of its own.

    Attributes:
        page: Playwright's page.
        name: of the figure.
        faults: errors of its script, and requests that leave the page.
        taken: the values that the controls took, by key, after :meth:`values`.
    """

    def __init__(self, page, name: str, html: str, lang: str = "en") -> None:
        self.page, self.name, self.faults, self.taken, self._moves = page, name, [], {}, []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: request.url.startswith("data:") or self.faults.append(request.url))
        page.set_content(f'<!DOCTYPE html><html lang="{lang}"><body>{html}</body></html>')

    def call(self, code: str, argument=None):
        """Return what a function of the shadow root, in JavaScript, returns."""
        return self.page.evaluate(CALL, [self.name, code, argument])

    def set(self, **controls) -> None:
        """Give controls their values, in order, as a reader's input does, before the next :meth:`values`."""
        self._moves += controls.items()

    def box(self, key: str, corners) -> None:
        """Type the corners of a box, before the next :meth:`values`."""
        self._moves.append((key, [float(one) for one in corners]))

    def values(self) -> dict[str, np.ndarray]:
        """Return the numbers that the figure shows, by name, with all their digits."""
        taken, shown = self.call(MOVE, self._moves)
        self.taken, self._moves = {key: _number(text) for key, text in taken.items()}, []
        return {name: np.array([_number(text) for text in texts]) for name, texts in shown.items()}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


LARGEST: dict[str, float] = {}


def hold(name: str, shown, expected) -> None:
    """Assert that numbers on the page equal MXNet's to 1e-5: of the number, or of 1 if it is smaller."""
    shown = np.asarray(shown, "float64").ravel()
    expected = np.asarray(expected.asnumpy() if hasattr(expected, "asnumpy") else expected, "float64").ravel()
    assert shown.shape == expected.shape and shown.size, f"{name}: {shown.size} numbers, expected {expected.size}"
    differences = np.abs(shown - expected) / np.maximum(1, np.abs(expected))
    largest = float(differences.max())
    LARGEST[name] = max(largest, LARGEST.get(name, 0))
    assert largest <= 1e-5, f"{name}: largest difference {largest:.3g}: {shown}, expected {expected}"
