"""True plots, by matplotlib's figure objects (no pyplot, so no global state): how a model was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vitdemo.render.palette import colour_map

WIDTH, HEIGHT = 6.4, 4.0  # inches, at 120 dots an inch
READABLE = 20  # classes whose names and counts still fit into a figure
COLUMNS = 5
CELL = (1.06, 1.28)  # of the grid of predictions: width and height, where a picture's longer side is 1
RIGHT, WRONG = "#1b7837", "#b2182b"


@dataclass(frozen=True, eq=False)
class Prediction:
    """One picture, uint8 `(hh, ww, 3)`; its class; the class predicted, with a `probability` in [0, 1]."""

    picture: np.ndarray
    label: str
    predicted: str
    probability: float


def new_figure(title: str, *, width: float = WIDTH, height: float = HEIGHT) -> Figure:
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


def plot_training(history: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """Plot validation accuracy (percent) and the mean of each loss term, an epoch each.

    `history` rows hold "epoch", where it was measured "val", and the loss terms, as in metrics.json.
    """
    figure = new_figure(title)
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    judged = [row for row in history if "val" in row]
    heights = [row["val"] for row in judged]
    left.plot([row["epoch"] for row in judged], heights, color="#3b0f70", marker="o", markersize=3)
    left.set(xlabel="epoch", ylabel="validation accuracy, %")
    for name in history[0].keys() - {"epoch", "step", "val", "seconds"}:
        right.plot(epochs, [row[name] for row in history], label=name.replace("_", " "), linewidth=1.2)
    right.set(xlabel="epoch", ylabel="loss")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], *, title: str) -> Figure:
    """Plot counts with the true class as the row; the colour is the share of the row.

    Above 20 classes neither counts nor names would be readable, and the colours are left alone.
    """
    counts = np.asarray(matrix)
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    figure = new_figure(title, width=6.4, height=5.8)
    axes = figure.subplots()
    axes.imshow(colour_map()[(share * 255).astype(np.uint8)])
    axes.set(xlabel="predicted class", ylabel="true class")
    if len(classes) > READABLE:
        return figure
    for row, column in np.ndindex(counts.shape):
        light = share[row, column] < 0.6
        text = f"{counts[row, column]}"
        axes.text(
            column, row, text, ha="center", va="center", fontsize=7, color="white" if light else "black"
        )
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    return figure


def plot_classes(accuracies: Mapping[str, float], *, title: str) -> Figure:
    """Plot a bar for the accuracy of each class, in percent; above 20 classes without names."""
    figure = new_figure(title, height=max(HEIGHT, 0.28 * min(len(accuracies), READABLE)))
    axes = figure.subplots()
    places, values = range(len(accuracies)), list(accuracies.values())
    bars = axes.barh(places, values, color="#3b0f70", height=0.7)
    axes.set(xlabel="accuracy, %", xlim=(0, 100), ylim=(len(values) - 0.4, -0.6))
    axes.spines[["top", "right"]].set_visible(False)
    if len(values) > READABLE:
        axes.set_ylabel("class")
        return figure
    axes.set_yticks(places, list(accuracies))
    axes.bar_label(bars, fmt="%.1f", label_type="edge", padding=-28, color="white", fontsize=8)
    return figure


def plot_keep_ratios(rows: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """Plot accuracy against keep ratio, a line a selector; `rows` as `train.evaluate --sweep` gives."""
    figure = new_figure(title)
    axes = figure.subplots()
    dense = [row for row in rows if row["keep_ratio"] == 1]
    for name in dict.fromkeys(row["selector"] for row in rows):
        points = [*dense, *(row for row in rows if row["selector"] == name and row["keep_ratio"] < 1)]
        axes.plot(
            [row["keep_ratio"] for row in points],
            [row["accuracy"] for row in points],
            marker="o",
            markersize=3,
            label=name,
        )
    axes.set(xlabel="keep ratio a stage", ylabel="accuracy, %")
    axes.invert_xaxis()
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_predictions(rows: Sequence[Prediction], *, title: str) -> Figure:
    """Plot each picture with what it shows, what was predicted and how probably; errors in red."""
    lines = -(-len(rows) // COLUMNS)
    figure = new_figure(title, width=1.7 * COLUMNS, height=0.5 + 2.0 * lines)
    axes = figure.subplots()  # one for all: each has ticks and labels, which cost more than a picture
    axes.set_axis_off()
    for place, row in enumerate(rows):
        line, column = divmod(place, COLUMNS)
        height, width = np.array(row.picture.shape[:2]) / max(row.picture.shape[:2])
        left, bottom = column * CELL[0], (line + 1) * CELL[1]
        axes.imshow(
            row.picture, extent=(left, left + width, bottom, bottom - height), interpolation="nearest"
        )
        wrong = row.predicted != row.label
        text = f"{row.predicted} {100 * row.probability:.0f} %" + (f"\nis: {row.label}" if wrong else "\n")
        colour = WRONG if wrong else RIGHT
        above = bottom - height - 0.03
        axes.text(left + width / 2, above, text, ha="center", va="bottom", fontsize=8, color=colour)
    axes.set(xlim=(0, COLUMNS * CELL[0] - 0.06), ylim=(lines * CELL[1], 0))
    return figure
