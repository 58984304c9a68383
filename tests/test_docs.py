"""docs/vit.md and docs/vit.zh.md: what they name exists, what they count is so, and both say the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache, partial
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tools.figures import FIGURES, FOLDER, MEASURED, Scene, count_block_macs, look
from vitdemo.cost import macs, parameters
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import keep_counts
from vitdemo.trace import Trace

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("vit.md", "vit.zh.md")}
ENGLISH = PAGES["vit.md"]
CODE = re.compile(r"(?:Code: |代码：)`")


def read_lines(page: str) -> list[str]:
    return PAGES[page].splitlines()


def find_formulas(text: str) -> list[str]:
    """Return the displayed formulas, in order."""
    return re.findall(r"^```math\n(.*?)\n```$", text, flags=re.DOTALL | re.MULTILINE)


def strip_code(line: str) -> str:
    """Return the line without code."""
    return re.sub(r"`[^`]*`", "", line)


def reduce_line(line: str) -> tuple[Any, ...]:
    """What a translation leaves as it is: the kind of line, names, links, formulas, a table's numbers."""
    start = re.match(r"#+ (?:\d+\.)?|- |\d+\. |\||!\[|", line)
    assert start is not None
    return (
        start.group(),
        bool(line),
        Counter(re.findall(r"`[^`]+`", line)),
        Counter(re.findall(r"\]\((?!vit)[^)]+\)", line)),
        Counter(re.findall(r"\$[^$]+\$", strip_code(line))),
        re.findall(r"[\d,.]*\d", line) if line.startswith("|") else [],
    )


def read_table(*, columns: int, after: str) -> list[list[str]]:
    """The cells of the table of so many columns in the section that begins with `after`, without its head."""
    section = ENGLISH.partition(after)[2].partition("\n## ")[0]
    rows = [line[1:-1].split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if len(row) == columns][2:]


def read_number(text: str) -> float:
    return float(text.replace(",", ""))


@cache
def load_scene() -> Scene:
    return look()


def test_both_languages_have_the_same_lines() -> None:
    assert find_formulas(ENGLISH) == find_formulas(PAGES["vit.zh.md"])
    for english, chinese in zip(read_lines("vit.md"), read_lines("vit.zh.md"), strict=True):
        assert reduce_line(english) == reduce_line(chinese), f"{english}\n{chinese}"
    assert sum(line.startswith("#") for line in read_lines("vit.md")) > 20
    assert all(
        re.search(r"[\u4e00-\u9fff]", line) for line in read_lines("vit.zh.md") if line.startswith("![")
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGES[page])
    assert all((ROOT / "docs" / link).is_file() for link in links)
    drawn = {f"figures/{name}.webp" for name in FIGURES}
    assert drawn == {link for link in links if link.startswith("figures/")}
    assert sorted(drawn) == sorted(f"figures/{path.name}" for path in FOLDER.iterdir())


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_names_its_code(page: str) -> None:
    lines = read_lines(page)
    ends = [index for index, line in enumerate(lines) if line == "```"]
    assert len(ends) == len(find_formulas(PAGES[page]))
    assert len(ends) > 12
    assert all(CODE.match(lines[index + 1]) for index in ends)


@pytest.mark.parametrize("page", PAGES)
def test_github_sees_the_formulas_in_a_line(page: str) -> None:
    """It does between spaces or marks of ASCII, and where Markdown finds no emphasis or escape in them."""
    text = re.sub(r"^```math\n.*?\n```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for line in map(strip_code, text.splitlines()):
        assert line.count("$") % 2 == 0, line
        for before, formula, behind in re.findall(r"(^|.)\$([^$]+)\$(.|$)", line):
            assert before in ("", " ", "("), line
            assert behind in ("", *" ,.;:)"), line
            assert formula == formula.strip(), line
            assert not re.search(r"\\[^a-zA-Z]|[})]_|[*<|]", formula), formula


def count_macs(model: VisionTransformer, pixels: Tensor, trace: Trace) -> dict[str, int]:
    """Multiply-accumulates: of each layer with weights, by name, and of the two products of each block."""
    found: dict[str, int] = {}

    def note(module: nn.Module, args: Any, out: Tensor, *, name: str) -> None:
        assert isinstance(module.weight, Tensor)
        found[name] = out.numel() * module.weight[0].numel()

    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    hooks = [m.register_forward_hook(partial(note, name=name)) for name, m in layers.items()]
    with torch.no_grad():
        model(pixels)
    for hook in hooks:
        hook.remove()
    width = model.config.embed_dim // model.config.num_heads
    return found | {f"blocks.{index}.products": 2 * a.numel() * width for index, a in enumerate(trace.attn)}


def test_the_parameter_table_is_the_network() -> None:
    model, pixels = load_scene().loaded.model, load_scene().prepared.pixels
    work = count_macs(model, pixels, load_scene().dense)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    rows = read_table(columns=4, after="## 5.")
    for part, _, own, own_macs in rows[:-1]:
        name = part.strip("`") if part.startswith("`") else "blocks.0.products"
        for claimed, values in ((own, sizes), (own_macs, work)):
            total = sum(value for key, value in values.items() if f"{key}.".startswith(f"{name}."))
            assert read_number(claimed) == total, part
    config = load_scene().loaded.spec.config
    assert [read_number(cell) for cell in rows[-1][2:]] == [sum(sizes.values()), sum(work.values())]
    assert [read_number(cell) for cell in rows[-1][2:]] == [parameters(config), macs(config)]
    once = [row for row in rows[:-1] if "blocks.0" not in row[0] and "products" not in row[0]]
    assert sum(read_number(row[2]) for row in once) == sum(sizes.values())


def test_the_numbers_of_pruning_are_those_measured() -> None:
    config = load_scene().loaded.spec.config
    assert all(f"{macs(config, keep_ratio=ratio) / 1e6:.1f}" in ENGLISH for ratio in (None, 0.7))
    counts = (config.num_patches, *keep_counts(config.num_patches, 0.7, len(config.prune_loc)))
    assert r" \to ".join(map(str, counts)) in ENGLISH
    sweep = read_metrics("dynamicvit_cifar10")["sweep"]
    claimed = [row["accuracy"] for row in sweep if row["keep_ratio"] in (0.7, 1)]
    assert len(claimed) == 5
    for name in ("vit_cifar10", "lightvit_cifar10", "vit_imagenette", "lightvit_imagenette"):
        claimed.append(read_metrics(name)["accuracy"])
    assert all(f"{accuracy:.2f}" in text for accuracy in claimed for text in PAGES.values())


def read_metrics(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "checkpoints" / name / "metrics.json").read_text(encoding="utf-8"))


def test_the_table_of_costs_is_what_is_counted() -> None:
    rows = read_table(columns=5, after="## 7.")
    assert {read_number(row[0]): read_number(row[4]) for row in rows if row[4]} == MEASURED
    for tokens, *claimed in rows:
        n = int(read_number(tokens))
        softmax, linear = count_block_macs(isqrt(n - 1), "softmax"), count_block_macs(isqrt(n - 1), "linear")
        alone = [one - 12 * 192**2 * n for one in (softmax, linear)]
        assert [read_number(cell) for cell in claimed[:2]] == [round(one / 1e6, 1) for one in alone]
        assert alone == [2 * n * n * 192, n * 192 * (2 * 64 + 1)]
        assert read_number(claimed[2]) == round(softmax / linear, 2)


def list_matrices(formula: str) -> list[np.ndarray]:
    bodies = re.findall(r"\\begin\{pmatrix\}(.*?)\\end\{pmatrix\}", formula)
    cells = [[row.split("&") for row in body.split(r"\\")] for body in bodies]
    return [np.array(rows, dtype=np.float64) for rows in cells]


def test_the_rollout_worked_by_hand_is_the_code_s() -> None:
    given, worked = (list_matrices(formula) for formula in find_formulas(ENGLISH) if "pmatrix" in formula)
    assert all(np.allclose(matrix.sum(axis=1), 1) for matrix in given)
    first, second = (torch.tensor(matrix, dtype=torch.float32)[None] for matrix in given)
    trace = Trace(
        model="by hand",
        grid=(1, 3),
        num_prefix_tokens=1,
        logits=None,
        attn=(first, second),
        token_ids=(torch.arange(4), torch.tensor([0, 1, 3])),
        readout=torch.tensor([1.0, 0.0, 0.0]),
    )
    np.testing.assert_allclose(explain(trace, "attention-rollout")[0], worked[2][0, 1:], atol=1e-6)
    np.testing.assert_allclose(worked[0] @ worked[1], worked[2])
    halved = (given[0] + np.eye(4)) / 2
    np.testing.assert_allclose(worked[1], halved[[0, 1, 3]])
    np.testing.assert_allclose(worked[0][0], ((given[1] + np.eye(3)) / 2)[0])


def test_the_figures_are_what_the_network_gives() -> None:
    """To the eye: other versions of libraries round otherwise. `python -m tools.figures` draws them anew."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 400_000
    for name, draw in FIGURES.items():
        with Image.open(FOLDER / f"{name}.webp") as file:
            kept, fresh = (
                np.asarray(image, dtype=np.float32) for image in (file.convert("RGB"), draw(load_scene()))
            )
        assert kept.shape == fresh.shape, name
        assert np.abs(kept - fresh).mean() < 4, name
