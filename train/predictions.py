"""Show single test pictures: some that the network names rightly, and some that it does not.

The figure shows pictures of the data set, so it stays in the run's own folder and is never shipped.
"""

from __future__ import annotations

from pathlib import Path

import torch

from train.data import Pictures
from train.evaluate import predict
from vitdemo.render.plots import Prediction, plot_predictions
from vitdemo.weights import LoadedModel

FILE = "predictions.png"
EACH = 10


@torch.no_grad()
def pick_predictions(loaded: LoadedModel, test: Pictures, *, each: int = EACH) -> list[Prediction]:
    """Return the first `each` test pictures that are named rightly, then the first `each` that are not."""
    right = (predict(loaded.model, test) == test.labels).cpu()
    rows = torch.cat([right.nonzero()[:each, 0], (~right).nonzero()[:each, 0]])
    pictures = test.fetch(rows.to(test.labels.device))
    values, answers = loaded.model(test.normalise(pictures)).float().softmax(dim=-1).max(dim=-1)
    found = []
    for row, value, answer in zip(rows.tolist(), values.tolist(), answers.tolist(), strict=True):
        picture = pictures[len(found)].permute(1, 2, 0).cpu().numpy()
        label = loaded.classes[int(test.labels[row])]
        found.append(Prediction(picture, label, loaded.classes[answer], value))
    return found


def draw_predictions(run_dir: Path, *, loaded: LoadedModel, test: Pictures) -> Path:
    """Write the figure into the folder of the run and return its path."""
    title = f"{loaded.spec.key}: the first test pictures that are right, and the first that are wrong"
    figure = plot_predictions(pick_predictions(loaded, test), title=title)
    run_dir.mkdir(parents=True, exist_ok=True)
    figure.savefig(run_dir / FILE)
    return run_dir / FILE
