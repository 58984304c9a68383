"""The model card of a judged network, in the Hub's layout."""

from __future__ import annotations

from typing import Any

from vitdemo.datasets import DATASETS
from vitdemo.weights import LoadedModel


def format_card(loaded: LoadedModel, metrics: dict[str, Any]) -> str:
    """Return the card in the Hub's layout: front matter, then what it is, how good, how made."""
    spec, config = loaded.spec, loaded.model.config
    dataset = DATASETS[spec.data.dataset]
    title, judged = dataset.title, dataset.judged
    rows = "\n".join(f"| {name} | {value:.2f} |" for name, value in metrics["per_class"].items())
    minutes = metrics["seconds"] / 60
    return f"""---
license: apache-2.0
library_name: vitdemo
pipeline_tag: image-classification
datasets: [{spec.data.dataset}]
metrics: [accuracy]
{format_base(metrics)}model-index:
- name: {spec.key}
  results:
  - task: {{type: image-classification}}
    dataset: {{name: {title}, type: {spec.data.dataset}, split: {judged}}}
    metrics: [{{type: accuracy, value: {metrics["accuracy"]:.2f}}}]
---
# {spec.key}

{spec.summary} {config.embed_dim} wide, {config.depth} blocks, {config.num_heads} heads,
{config.num_patches} patches; {metrics["parameters"]:,} parameters, {metrics["macs"] / 1e6:.1f} MMAC each.

**{metrics["accuracy"]:.2f} %** top-1 on the {judged} split of {title} (n = {metrics["n"]:,} pictures, one
run, seed {metrics["seed"]}), dense. Trained in {minutes:.0f} minutes on {metrics["hardware"]}
with `{metrics["command"]}`; all choices were made on held-out training pictures.
{metrics.get("note", "")}
{format_pruning(metrics)}
![training curves](curves.png)

| class | accuracy, % |
|---|---|
{rows}

![accuracy of each class](per_class.png)

![confusion matrix](confusion.png)
{format_familiarity(metrics)}
Meant for teaching and for the demo: it knows the {config.num_classes} classes of {title} and names one of
them for any picture. In Python, with the owner of this repository for OWNER:

```python
import vitdemo

vitdemo.load("hf-hub:OWNER/{spec.key}").explain("photo.jpg").save("map.png")
```
"""


def format_base(metrics: dict[str, Any]) -> str:
    """Return the front matter's line for the network of the Hub that the body comes from; else nothing."""
    return f"base_model: {metrics['base_model']}\n" if metrics.get("base_model") else ""


def format_pruning(metrics: dict[str, Any]) -> str:
    """Return accuracy against keep ratio, a selector a column; empty for a model without predictors."""
    rows = metrics.get("sweep", [])
    if not rows:
        return ""
    names = list(dict.fromkeys(row["selector"] for row in rows))
    lines = ["", "| keep ratio a stage | MMAC | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for ratio in dict.fromkeys(row["keep_ratio"] for row in rows):
        at = {row["selector"]: row for row in rows if row["keep_ratio"] == ratio}
        cells = [f"{at[name]['accuracy']:.2f}" if name in at else "" for name in names]
        cost = at[names[0]]["macs"] / 1e6
        lines.append(f"| {ratio:.1f} | {cost:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n![accuracy against keep ratio](keep_ratio.png)\n"


def format_familiarity(metrics: dict[str, Any]) -> str:
    """Return how well unfamiliar pictures are told; empty where that was not judged."""
    found = metrics.get("familiarity")
    if not found:
        return ""
    rows = "".join(
        f"| {name} | {one['caught']:.1f} | {one['auroc']:.3f} | {one['n']} |\n"
        for name, one in found["others"].items()
    )
    table = (
        f"\n\n| photographs of other things | caught, % | AUROC | n |\n|---|---|---|---|\n{rows}"
        if rows
        else "\n"
    )
    return (
        f"\nPictures of other kinds are told by ViM (Wang et al. 2022), whose limit one in twenty held-out "
        f"training pictures exceeds. False alarms: {found['false_alarms']:.1f} % of {found['n']:,} test "
        f"pictures.{table}"
    )
