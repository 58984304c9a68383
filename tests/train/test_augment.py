"""Batched augmentation against torchvision's, which changes one picture at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as tv

from train import augment
from train.auto_augment import BINS, AutoAugment, Op, Policy, apply_ops, list_magnitudes

BILINEAR = InterpolationMode.BILINEAR
POLICIES: dict[Policy, Any] = {
    "randaugment": v2.RandAugment(1, magnitude=9, interpolation=BILINEAR),
    "trivialaugment": v2.TrivialAugmentWide(interpolation=BILINEAR),
}
SIZES = ((32, 32), (20, 28))


def draw_pictures(size: tuple[int, int], count: int = 5) -> Tensor:
    """Return noise, a slope, one flat colour, and little contrast."""
    x = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8)
    x[1], x[2], x[3] = torch.linspace(0, 255, size[1]).byte(), 77, 60 + x[3] // 4
    return x


def draw_photo(size: int = 32) -> Tensor:
    """Return slopes with a fine pattern, another in each channel: no two operations give the same picture."""
    line = torch.linspace(20, 200, size)
    across, down = line.expand(size, size), line[:, None].expand(size, size)
    pattern = 30.0 * ((torch.arange(size) + torch.arange(size)[:, None]) % 3 == 0)
    return (torch.stack([across, down, 220 - across * down / 250]) + pattern).byte()


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    """Two samples of pictures of one distribution: mean and spread of each pixel, and the histogram."""
    a, b = ours.double().flatten(1), theirs.double().flatten(1)
    noise = (torch.cat([a, b]).var(0) * (1 / len(a) + 1 / len(b))).sqrt().clamp(min=0.5)
    assert float(((a.mean(0) - b.mean(0)).abs() / noise).max()) < 5
    assert float(a.std(0).mean()) == pytest.approx(float(b.std(0).mean()), rel=0.1, abs=0.5)
    histograms = [torch.histc(x, 16, 0, 256) / x.numel() for x in (a, b)]
    assert float((histograms[0] - histograms[1]).abs().max()) < 0.02


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("policy", POLICIES)
def test_the_magnitudes_are_torchvisions(policy: Policy, size: tuple[int, int]) -> None:
    table, space = list_magnitudes(policy, size), POLICIES[policy]._AUGMENTATION_SPACE
    assert [key.lower() for key in space] == [op.name.replace("_", "").lower() for op in Op]
    for row, (key, (magnitudes, _)) in zip(table, space.items(), strict=True):
        wanted = magnitudes(BINS, *size)
        wanted = torch.zeros(BINS) if wanted is None else wanted.float()
        assert torch.equal(row, wanted.trunc() if key.startswith("Translate") else wanted), key


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("op", Op, ids=lambda op: op.name)
def test_an_operation_is_torchvisions_at_the_same_magnitude(op: Op, policy: Policy) -> None:
    theirs = POLICIES[policy]
    key, (_, signed) = list(theirs._AUGMENTATION_SPACE.items())[op]
    for size in SIZES:
        x, table = draw_pictures(size), list_magnitudes(policy, size)
        for level in (0, 9, 16, 30):
            for sign in (1, -1) if signed else (1,):
                magnitude = sign * float(table[op, level])
                ours = apply_ops(x, torch.full((5,), op), torch.full((5,), magnitude))
                wanted = theirs._apply_image_or_video_transform(x, key, magnitude, BILINEAR, theirs._fill)
                wrong = (ours.int() - wanted.int()).abs()
                if Op.SHEAR_X <= op <= Op.ROTATE:  # interpolated: a rounding may fall either way
                    assert int(wrong.max()) <= 1
                    assert float((wrong > 0).double().mean()) < 0.03
                else:
                    assert int(wrong.max()) == 0, (level, sign)


def test_each_picture_has_its_own_operation_grouped_or_not() -> None:
    x, table = draw_pictures((32, 32), 56), list_magnitudes("randaugment", (32, 32))
    op = torch.arange(56) % len(Op)
    magnitude = table[op, 9]
    one_by_one = [apply_ops(x[i : i + 1], op[i : i + 1], magnitude[i : i + 1]) for i in range(56)]
    for grouped in (True, False):
        assert torch.equal(apply_ops(x, op, magnitude, grouped=grouped), torch.cat(one_by_one))


def test_randaugment_draws_every_operation_and_sign_as_often_as_torchvision() -> None:
    picture, theirs = draw_photo(20), POLICIES["randaugment"]
    outcomes: list[Tensor] = []
    shares: list[float] = []
    for key, (magnitudes, signed) in theirs._AUGMENTATION_SPACE.items():
        values = magnitudes(BINS, 20, 20)
        for sign in (1, -1) if signed else (1,):
            magnitude = 0.0 if values is None else sign * float(values[9])
            outcomes.append(
                theirs._apply_image_or_video_transform(picture, key, magnitude, BILINEAR, theirs._fill)
            )
            shares.append(1 / 14 / (2 if signed else 1))
    drawn = AutoAugment(list_magnitudes("randaugment", (20, 20)), magnitude=9)(picture.repeat(1400, 1, 1, 1))
    distance = torch.stack([(drawn.int() - one.int()).abs().flatten(1).amax(1) for one in outcomes])
    assert int(distance.amin(0).max()) <= 1  # nothing else than torchvision's outcomes
    counts = torch.bincount(distance.argmin(0), minlength=len(outcomes))
    expected = 1400 * torch.tensor(shares)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 60  # 22 degrees of freedom: a probability of 2e-5


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            AutoAugment(list_magnitudes("randaugment", (32, 32)), ops=2, magnitude=9),
            v2.RandAugment(2, magnitude=9, interpolation=BILINEAR),
        ),
        (AutoAugment(list_magnitudes("trivialaugment", (32, 32))), POLICIES["trivialaugment"]),
        (
            lambda x: augment.random_rotation(x, 25.0),
            v2.RandomRotation((-25.0, 25.0), interpolation=BILINEAR, fill=None),
        ),
        (
            lambda x: augment.random_resized_crop(x, size=(24, 20), scale=(0.3, 1.0), ratio=(0.75, 4 / 3)),
            v2.RandomResizedCrop((24, 20), scale=(0.3, 1.0)),
        ),
        (
            lambda x: augment.random_erasing(x.float(), prob=0.5, scale=(0.02, 0.33)),
            v2.RandomErasing(0.5, scale=(0.02, 0.33)),
        ),
        (
            lambda x: augment.random_crop(x, 4, size=(24, 24)),
            v2.RandomCrop(24, padding=4, padding_mode="reflect"),
        ),
    ],
    ids=["randaugment", "trivialaugment", "rotation", "resized-crop", "erasing", "crop"],
)
def test_many_draws_are_distributed_as_torchvisions(ours, theirs) -> None:
    picture, count = draw_photo(), 400
    assert_alike(
        ours(picture.repeat(4 * count, 1, 1, 1)), torch.stack([theirs(picture) for _ in range(count)])
    )


def test_a_resized_crop_is_torchvisions_for_the_same_box() -> None:
    x = draw_pictures((36, 40), 40)
    random = np.random.default_rng(0)
    height, width = random.integers(1, 37, size=40), random.integers(1, 41, size=40)
    top, left = random.integers(0, 37 - height), random.integers(0, 41 - width)
    rows, columns = (
        (torch.from_numpy(top), torch.from_numpy(height)),
        (torch.from_numpy(left), torch.from_numpy(width)),
    )
    ours = augment.crop_and_resize(x, rows=rows, columns=columns, size=(24, 32))
    for i in range(40):
        box = int(top[i]), int(left[i]), int(height[i]), int(width[i])
        wanted = tv.resized_crop(x[i].float(), *box, size=[24, 32], antialias=True)
        torch.testing.assert_close(ours[i].float(), wanted, atol=0.51, rtol=0)


@pytest.mark.parametrize("degrees", [0.0, 90.0, 180.0, -31.0])
def test_a_rotation_is_torchvisions(degrees: float) -> None:
    x = draw_pictures((32, 32))
    turned = augment.affine(x, augment.rotation(torch.full((5,), np.deg2rad(degrees)).float()))
    wrong = (turned.int() - tv.rotate(x, degrees, interpolation=BILINEAR).int()).abs()
    assert int(wrong.max()) <= 1
    assert float((wrong > 0).double().mean()) < 0.01


def test_what_is_erased_is_one_box_in_about_a_quarter_of_the_pictures() -> None:
    erased = augment.random_erasing(torch.ones(2000, 3, 32, 32), prob=0.25, scale=(0.1, 0.2)) == 0
    counts = erased[:, 0].flatten(1).sum(1)
    assert 400 < int((counts > 0).sum()) < 600
    tall, wide = erased[:, 0].any(2).sum(1), erased[:, 0].any(1).sum(1)
    assert torch.equal(tall * wide, counts)
    aspect = (tall / wide)[counts > 0].log()
    assert float(aspect.mean()) == pytest.approx(0.0, abs=0.12)  # as often tall as wide; five deviations
    assert float(aspect.std()) == pytest.approx(np.log(3.3 / 0.3) / 12**0.5, rel=0.1)
    share = counts[counts > 0] / 1024
    assert 0.08 < float(share.min()) < 0.12
    assert 0.18 < float(share.max()) < 0.22


def test_cutmix_mixes_targets_by_the_area_it_pasted() -> None:
    x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 32, 32).contiguous()
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, share = augment.cutmix(x, alpha=1.0 if seed % 2 else 0.4)
        targets = augment.mix(torch.eye(4), share)
        foreign = (mixed != x)[:, 0].flatten(1).double().mean(dim=1)
        torch.testing.assert_close(1 - targets.diag().double(), foreign, atol=1e-6, rtol=0)
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(4))


def test_mixup_blends_pictures_as_it_blends_targets() -> None:
    x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    mixed, share = augment.mixup(x, alpha=0.8)
    assert 0 < share < 1
    expected = augment.mix(torch.eye(4), share) @ torch.arange(4.0)
    torch.testing.assert_close(mixed, expected.view(4, 1, 1, 1).expand_as(x))


@pytest.mark.parametrize("alpha", [0.4, 1.0, 2.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    draws = np.array([augment.draw_beta(alpha) for _ in range(1500)])
    assert draws.mean() == pytest.approx(0.5, abs=0.04)
    assert draws.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)
