"""A figure in a real browser: its controls, the numbers that it shows, and how they are held against MXNet's."""

from __future__ import annotations

import numpy as np

READ = """(root) => {
  const found = {};
  for (const node of root.querySelectorAll("[data-name]")) (found[node.dataset.name] ??= []).push(node.dataset.value);
  return found;
}"""
SET = """(root, pairs) => pairs.map(([key, value]) => {
  const inputs = [...root.querySelectorAll(`[data-key="${key}"]`)];
  const input = inputs[0].type === "radio" ? inputs.find((one) => one.value === String(value)) : inputs[0];
  if (input.type === "radio") input.checked = true; else input.value = value;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  return input.value;
})"""
TYPED = """(root, keys) => keys.map((key) => root.querySelector(`[data-key="${key}"]`).value)"""
CALL = """([name, code, argument]) =>
  eval(code)(document.querySelector(`[data-d2l-figure="${name}"]`).shadowRoot, argument)"""


class Page:
    """A figure in a page of its own.

    Attributes:
        page: Playwright's page.
        name: of the figure.
        faults: errors of its script, and requests that leave the page.
    """

    def __init__(self, page, name: str, html: str, lang: str = "en") -> None:
        self.page, self.name, self.faults = page, name, []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: request.url.startswith("data:") or self.faults.append(request.url))
        page.set_content(f'<!DOCTYPE html><html lang="{lang}"><body>{html}</body></html>')

    def call(self, code: str, argument=None):
        """Return what a function of the shadow root, in JavaScript, returns."""
        return self.page.evaluate(CALL, [self.name, code, argument])

    def set(self, **controls) -> list[float | str]:
        """Give controls their values, in order, as a reader's input does; return the values that they took."""
        return [_number(text) for text in self.call(SET, list(controls.items()))]

    def values(self) -> dict[str, np.ndarray]:
        """Return the numbers that the figure shows, by name, with all their digits."""
        return {name: np.array([_number(text) for text in texts]) for name, texts in self.call(READ).items()}

    def box(self, key: str, corners) -> None:
        """Type the corners of a box; the side that lies further out first, as no side may pass the opposite one."""
        sides = ("xmin", "ymin", "xmax", "ymax")
        now = [_number(text) for text in self.call(TYPED, [f"{key}-{side}" for side in sides])]
        corners = [float(one) for one in corners]
        order = [(i, i + 2) if corners[i] <= now[i + 2] else (i + 2, i) for i in (0, 1)]
        self.call(SET, [(f"{key}-{sides[i]}", corners[i]) for pair in order for i in pair])


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
