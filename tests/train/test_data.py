"""Batched augmentation against the same thing done picture by picture."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import v2

from train.data import Resident, cutmix, epoch_order, mix, random_crop, random_flip
from vitdemo.config import DataConfig
from vitdemo.datasets import Images

PIXELS = np.random.default_rng(0).integers(0, 256, size=(8, 3, 32, 32), dtype=np.uint8)


def test_normalise_equals_torchvision() -> None:
    data = DataConfig()
    resident = Resident.of(Images(PIXELS, np.arange(8)), data=data, device=torch.device("cpu"))
    pipeline = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(data.mean, data.std)])
    torch.testing.assert_close(resident.normalise(resident.pixels), pipeline(torch.from_numpy(PIXELS)))


def test_each_crop_is_a_window_of_the_reflected_picture_and_shifts_are_uniform() -> None:
    pictures = torch.from_numpy(PIXELS[:1]).repeat(600, 1, 1, 1)
    padded = torch.from_numpy(np.pad(PIXELS[0], ((0, 0), (4, 4), (4, 4)), mode="reflect")).float()
    windows = {(y, x): padded[:, y : y + 32, x : x + 32] for y in range(9) for x in range(9)}
    found = []
    for crop in random_crop(pictures, 4):
        found += [place for place, window in windows.items() if torch.equal(window, crop)]
    assert len(found) == 600
    rows = np.bincount([y for y, _ in found], minlength=9)
    assert rows.min() > 30  # 67 expected each; 30 is five standard deviations away


def test_a_flip_mirrors_about_half_of_the_pictures() -> None:
    pictures = torch.from_numpy(PIXELS[:1]).float().repeat(400, 1, 1, 1)
    flipped, said = random_flip(pictures)
    same = (flipped == pictures).flatten(1).all(dim=1)
    mirrored = (flipped == pictures.flip(-1)).flatten(1).all(dim=1)
    assert bool((same | mirrored).all())
    assert torch.equal(said, mirrored)
    assert 140 < int(mirrored.sum()) < 260


def test_cutmix_mixes_targets_by_the_area_it_pasted() -> None:
    x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 32, 32).contiguous()
    y = torch.eye(4)
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, share = cutmix(x)
        targets = mix(y, share)
        foreign = (mixed != x)[:, 0].flatten(1).double().mean(dim=1)
        torch.testing.assert_close(1 - targets.diag().double(), foreign, atol=1e-6, rtol=0)
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(4))


def test_an_epoch_sees_each_picture_once_in_an_order_of_its_own() -> None:
    first, again, second = (epoch_order(100, seed=1, epoch=e) for e in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, torch.arange(100))
