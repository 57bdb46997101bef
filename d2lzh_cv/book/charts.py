"""Training curves as inline SVG: one panel per quantity, one colour per series."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 240, 52, 12, 12, 34  # units of the viewBox
MANY = 40  # points: a longer curve has no dots
X_NAMES = ("epoch", "iteration", "iterations", "step", "batch")
NOT_CURVES = {"series", "seconds", "lr", "learning_rate", *X_NAMES}
TITLES = {"acc": "accuracy", "class_err": "class error", "bbox_mae": "bbox MAE", "loss": "loss"}
Curve = list[tuple[float, float]]
Key = tuple[str, str]  # series, quantity


def panels(lines: Sequence[dict[str, Any]], published: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return the charts of a metrics.jsonl, in the order of their quantities.

    ``train_acc`` and ``test_acc`` share the panel "accuracy"; ``train_acc`` is dashed. A curve of one point is a dot.

    Args:
        lines: the lines of the file, such as {"series": "SSD", "epoch": 1, "loss": 0.5}.
        published: lines of published runs, with their "source"; drawn thin and grey behind the run's curve of the same
            series and quantity.

    Returns:
        A dictionary per panel: "title", "svg", "dashed" (it has a train curve), "published" (it has a published curve).
    """
    names = series_names(lines)
    x_name = next((name for name in X_NAMES for line in lines if name in line), "step")
    curves = _curves(lines)
    behind = [(key, source, curve) for source in dict.fromkeys(line["source"] for line in published)
              for key, curve in _curves([line for line in published if line["source"] == source]).items()
              if key in curves]
    titles = dict.fromkeys(_split(quantity)[1] for _, quantity in curves)
    return [_panel(title, {key: c for key, c in curves.items() if _split(key[1])[1] == title},
                   [pale for pale in behind if _split(pale[0][1])[1] == title], names, x_name)
            for title in titles]


def series_names(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of the series in order; series n has the CSS class ``c<n mod 6>``."""
    return list(dict.fromkeys(str(line.get("series", "")) for line in lines))


def _curves(lines: Sequence[dict[str, Any]]) -> dict[Key, Curve]:
    """Group the points by (series, quantity)."""
    curves: dict[Key, Curve] = {}
    counts: dict[str, int] = {}
    for line in lines:
        series = str(line.get("series", ""))
        counts[series] = counts.get(series, 0) + 1
        x = next((line[name] for name in X_NAMES if _is_number(line.get(name))), counts[series])
        for quantity, y in line.items():
            if quantity not in NOT_CURVES and _is_number(y):
                curves.setdefault((series, quantity), []).append((x, y))
    return curves


def _panel(title: str, curves: dict[Key, Curve], behind: list[tuple[Key, str, Curve]],
           names: list[str], x_name: str) -> dict[str, Any]:
    points = [point for curve in (*curves.values(), *(curve for _, _, curve in behind)) for point in curve]
    ys = [y for _, y in points]
    log = min(ys) > 0 and max(ys) / min(ys) > 200
    x_scale = _Scale([x for x, _ in points], LEFT, WIDTH - RIGHT, False)
    y_scale = _Scale(ys, HEIGHT - BOTTOM, TOP, log)
    body = _axes(x_scale, y_scale, x_name)
    for (series, quantity), source, curve in behind:
        body += _grey_line(curve, x_scale, y_scale, quantity, f"{series} {quantity}, {source}".strip())
    for (series, quantity), curve in curves.items():
        body += _line(curve, x_scale, y_scale, names.index(series), quantity, series, x_name)
    label = escape(f"{TITLES.get(title, title)} by {x_name}")
    svg = Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{body}</svg>')
    full = TITLES.get(title, title.replace("_", " ")) + (" (log scale)" if log else "")
    return {"title": full, "svg": svg, "dashed": any(_split(quantity)[0] for _, quantity in curves),
            "published": bool(behind)}


class _Scale:
    """A map from values to coordinates; ``ticks`` are round values that span the data."""

    def __init__(self, values: Sequence[float], start: float, end: float, log: bool):
        self.log, self.start, self.end = log, start, end
        low, high = (self._inner(f(values)) for f in (min, max))
        self.ticks = _log_ticks(low, high) if log else _ticks(low, high)
        inner = [self._inner(tick) for tick in self.ticks]
        self.low, self.high = min([low, *inner[:1]]), max([high, *inner[-1:]])
        if self.low == self.high:
            self.low, self.high = self.low - 1, self.high + 1

    def __call__(self, value: float) -> float:
        return self.start + (self._inner(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def _inner(self, value: float) -> float:
        return math.log10(value) if self.log else value


def _ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return about ``about`` round values from ``low`` or below to ``high`` or above; steps are 1, 2 or 5 times 10ⁿ."""
    if low == high:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(low), math.ceil(high)
    return [10.0**power for power in range(first, last + 1, max(1, (last - first) // 5))]


def _axes(x_scale: _Scale, y_scale: _Scale, x_name: str) -> str:
    lines = "".join(f'<path class="grid" d="M{LEFT} {y_scale(tick):.1f}H{WIDTH - RIGHT}"/>'
                    + _text(LEFT - 6, y_scale(tick) + 4, f"{tick:g}", "end") for tick in y_scale.ticks)
    whole = [tick for tick in x_scale.ticks if tick == int(tick)]  # an epoch is a whole number
    marks = "".join(_text(x_scale(tick), HEIGHT - BOTTOM + 16, f"{tick:g}") for tick in whole)
    return lines + marks + _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, x_name)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(curve: Curve, x_scale: _Scale, y_scale: _Scale, color: int, quantity: str, series: str, x_name: str) -> str:
    places = [(x_scale(x), y_scale(y)) for x, y in curve]
    dashed = " dashed" if _split(quantity)[0] else ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    svg = f'<path class="line c{color % 6}{dashed}" d="M{path}"/>'
    if len(curve) > MANY:
        return svg
    labels = (escape(f"{series} {quantity} {y:.4g} at {x_name} {x:g}".strip()) for x, y in curve)
    return svg + "".join(f'<circle class="dot c{color % 6}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
                         f"<title>{label}</title></circle>" for (x, y), label in zip(places, labels))


def _grey_line(curve: Curve, x_scale: _Scale, y_scale: _Scale, quantity: str, label: str) -> str:
    places = [(x_scale(x), y_scale(y)) for x, y in curve]
    title = f"<title>{escape(label)}</title>"
    if len(places) == 1:
        (x, y), = places
        return f'<circle class="published spot" cx="{x:.1f}" cy="{y:.1f}" r="3">{title}</circle>'
    dashed = " dashed" if _split(quantity)[0] else ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return f'<path class="published{dashed}" d="M{path}">{title}</path>'


def _split(quantity: str) -> tuple[bool, str]:
    """Split "train_acc" into (True, "acc"): whether the training data gave it, and the quantity."""
    for prefix in ("train_", "test_", "valid_", "val_"):
        if quantity.startswith(prefix):
            return prefix == "train_", quantity[len(prefix):]
    return False, quantity



def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
