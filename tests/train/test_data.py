"""What a step learns from: the order of the random draws, the mirrored mask, mixing, picture sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from train.augment import random_crop, random_flip
from train.batches import Batches
from train.data import Resident, epoch_order
from train.recipe import load_recipe
from train.teacher import Live, Teacher
from vitdemo.config import DataConfig
from vitdemo.data import preprocess
from vitdemo.datasets import Images

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, size=(8, 3, 32, 32), dtype=np.uint8)
IMAGES = Images(PIXELS, np.arange(8))
CPU = torch.device("cpu")
ALL_ON = [
    "cutmix_prob=0.5", "mixup_prob=0.5", "cutmix_from=0.0", "rotate=10.0", "auto_augment=trivialaugment",
    "erase_prob=0.3", "crop_scale=[0.5, 1.0]",
]  # fmt: skip


def draw_batches(
    words: list[str], images: Images = IMAGES, teacher: Teacher | None = None, *, img_size: int = 32
) -> Batches:
    """Return batches of the plain recipe with other options of augmentation, `words`."""
    config = load_recipe(
        "cifar10_vit", [f"model.img_size={img_size}", *(f"augment.{word}" for word in words)]
    )
    data = replace(DataConfig(), img_size=config.model.img_size)
    return Batches(config, Resident.of(images, data=data, device=CPU), teacher)


class Echo(Live):
    """A teacher that knows the labels, and remembers which pictures it was told are mirrored."""

    def __init__(self) -> None:
        super().__init__(torch.nn.Identity(), temperature=1.0)

    def look_up(self, rows: Tensor, mirrored: Tensor) -> Tensor:
        self.mirrored = mirrored
        return F.one_hot(rows, 10).float()


def test_normalise_equals_torchvision() -> None:
    data = DataConfig()
    resident = Resident.of(IMAGES, data=data, device=CPU)
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


def test_the_plain_recipe_draws_crop_flip_and_cutmix_in_this_order_and_nothing_else() -> None:
    """A finished run can be repeated only while this holds; worked out with numpy, picture by picture."""
    torch.manual_seed(5)
    top, left = (torch.randint(9, (8, 1))[:, 0].numpy() for _ in range(2))
    mirrored = (torch.rand(8) < 0.5).numpy()
    assert float(torch.rand(())) < 1
    edge = int(32 * float(torch.rand(())) ** 0.5)
    y, x = int(torch.randint(33 - edge, ())), int(torch.randint(33 - edge, ()))
    after = torch.rand(())
    padded = np.pad(PIXELS, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="reflect")
    wanted = np.stack([padded[i, :, top[i] : top[i] + 32, left[i] : left[i] + 32] for i in range(8)])
    wanted[mirrored] = wanted[mirrored][..., ::-1]
    source = wanted[::-1].copy()
    wanted[:, :, y : y + edge, x : x + edge] = source[:, :, y : y + edge, x : x + edge]

    torch.manual_seed(5)
    batch = draw_batches(["cutmix_prob=1.0", "cutmix_from=0.0"]).augment(torch.arange(8), done=0.5)
    assert torch.equal(torch.rand(()), after)
    data = DataConfig()
    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in (data.mean, data.std))
    np.testing.assert_allclose(batch.x.numpy(), (wanted / np.float32(255) - mean) / std, atol=1e-6)
    share = edge**2 / 1024
    np.testing.assert_allclose(
        batch.y.numpy()[:, :8], np.eye(8) * (1 - share) + np.eye(8)[::-1] * share, atol=1e-6
    )


def test_the_teacher_hears_which_pictures_are_mirrored() -> None:
    halves = np.zeros((64, 3, 32, 32), dtype=np.uint8)
    halves[..., 16:] = 200
    words = [*ALL_ON, "erase_prob=0.0", "auto_augment=none", "cutmix_prob=0.0", "mixup_prob=0.0"]
    teacher = Echo()
    batch = draw_batches(words, Images(halves, np.arange(64) % 10), teacher).augment(
        torch.arange(8), done=0.5
    )
    bright_left = batch.x[..., :8].mean(dim=(1, 2, 3)) > batch.x[..., -8:].mean(dim=(1, 2, 3))
    assert torch.equal(teacher.mirrored, bright_left)
    assert 0 < int(bright_left.sum()) < 8


def test_soft_targets_are_mixed_as_the_labels_are() -> None:
    everything, mixed = draw_batches(ALL_ON, teacher=Echo()), 0
    for seed in range(6):
        torch.manual_seed(seed)
        batch = everything.augment(torch.arange(8), done=0.5)
        assert batch.soft is not None
        torch.testing.assert_close(batch.soft, batch.y)
        assert batch.x.shape == (8, 3, 32, 32)
        mixed += int((batch.y.amax(dim=1) < 1).any())
    assert mixed == 6


def test_mixing_stops_where_the_recipe_says() -> None:
    made = draw_batches(["cutmix_prob=0.0", "mixup_prob=1.0", "cutmix_from=0.2", "mix_until=0.9"])
    mixed = {
        done: bool((made.augment(torch.arange(8), done=done).y.amax(dim=1) < 1).any())
        for done in (0.1, 0.2, 0.89, 0.9)
    }
    assert mixed == {0.1: False, 0.2: True, 0.89: True, 0.9: False}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("mixup_prob=0.9", "mixup_prob"),
        ("mixup_alpha=0", "mixup_alpha must be more than 0"),
        ("crop_scale=[0.5, 2.0]", "crop_scale"),
        ("crop_pad=32", "crop_pad"),
    ],
)
def test_an_impossible_option_is_named(word: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_batches([word])


@pytest.mark.parametrize("crop_pct", [1.0, 0.875])
def test_small_pictures_are_enlarged_on_the_device_as_an_upload_is(crop_pct: float) -> None:
    data = replace(DataConfig(), img_size=56, crop_pct=crop_pct)
    fetched = Resident.of(IMAGES, data=data, device=CPU)
    seen = fetched.normalise(fetched.fetch(torch.arange(8)))
    for pixels, ours in zip(PIXELS, seen, strict=True):
        wanted = preprocess(Image.fromarray(pixels.transpose(1, 2, 0)), config=data).pixels[0]
        wrong = 255 * ((ours - wanted) * fetched.std).abs()
        assert float(wrong.max()) < 2.5  # levels: both round twice, horizontally and vertically
        assert float(wrong.mean()) < 0.1
    made = draw_batches([], img_size=56)
    assert made.augment(torch.arange(8), done=0.0).x.shape == (8, 3, 56, 56)


def test_an_epoch_sees_each_picture_once_in_an_order_of_its_own() -> None:
    first, again, second = (epoch_order(100, seed=1, epoch=e) for e in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, torch.arange(100))


def test_batches_hold_as_many_pictures_as_their_pixels_allow() -> None:
    many = Images(PIXELS[np.arange(25) % 8], np.arange(25))
    split = Resident.of(many, data=replace(DataConfig(), img_size=224), device=CPU)
    assert [len(batch) for batch in split.batches()] == [10, 10, 5]
    assert torch.equal(torch.cat([*split.batches()]), split.normalise(split.fetch(slice(0, 25))))
    assert [len(batch) for batch in Resident.of(many, data=DataConfig(), device=CPU).batches()] == [25]
    assert [*split.part(slice(0, 0)).batches()] == []
