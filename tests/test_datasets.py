"""Data sets as their own archives hold them, made here; nothing lost, nothing in two splits."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from vitdemo.datasets import CIFAR100_CLASSES, DATASETS, IMAGENETTE, Photos, Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)


def write_photos(key: str, folder: Path, split: Split) -> Photos:
    found = DATASETS[key].load(folder, split)
    assert isinstance(found, Photos)
    assert len(found.paths) == len(found.labels)
    return found


def test_cifar100_keeps_its_last_5000_training_pictures_back(tmp_path: Path) -> None:
    root, random = tmp_path / "cifar-100-python", np.random.default_rng(0)
    root.mkdir()
    pixels, fine = {}, {}
    for name, count in (("train", 5010), ("test", 20)):
        pixels[name] = random.integers(0, 256, size=(count, 3072), dtype=np.uint8)
        fine[name] = random.integers(0, 100, size=count).tolist()
        batch = {b"data": pixels[name], b"fine_labels": fine[name], b"coarse_labels": [0] * count}
        (root / name).write_bytes(pickle.dumps(batch))
    for split in SPLITS:
        name = "test" if split == "test" else "train"
        rows = {"train": slice(10), "val": slice(10, None), "test": slice(None)}[split]
        found = DATASETS["cifar100"].load(tmp_path, split)
        assert not isinstance(found, Photos)
        assert found.labels.tolist() == fine[name][rows]
        assert np.array_equal(found.pixels.reshape(len(found), -1), pixels[name][rows])
    (root / "test").write_bytes((root / "test").read_bytes()[:1000])
    with pytest.raises(ValueError, match="cifar-100-python/test is damaged"):
        DATASETS["cifar100"].load(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="unpack CIFAR-10 into"):
        DATASETS["cifar10"].load(tmp_path, "test")


def test_cifar100_has_its_hundred_names_in_the_order_of_the_labels() -> None:
    assert len(set(CIFAR100_CLASSES)) == 100
    assert list(CIFAR100_CLASSES) == sorted(CIFAR100_CLASSES)
    assert {"maple tree", "sweet pepper", "worm"} < set(CIFAR100_CLASSES)


def test_a_folder_with_one_other_split_gives_a_tenth_of_its_training_pictures_for_choices(
    tmp_path: Path,
) -> None:
    for name in ("b", "a"):
        put(
            *(tmp_path / "train" / name / f"{i:02}.jpg" for i in range(20)),
            tmp_path / "test" / name / "x.PNG",
        )
    (tmp_path / "train" / "a" / "notes.txt").write_text("not a picture")
    (tmp_path / "train" / ".cache").mkdir()
    found = {split: write_photos("folder", tmp_path, split) for split in SPLITS}
    assert {split: len(one) for split, one in found.items()} == {"train": 36, "val": 4, "test": 2}
    assert found["val"].labels.tolist() == [0, 0, 1, 1]
    assert not set(found["train"].paths) & set(found["val"].paths)
    for one in found.values():
        assert one.classes == ("a", "b")
        assert [one.classes[label] for label in one.labels] == [path.parent.name for path in one.paths]

    put(tmp_path / "val" / "b" / "y.png")
    assert len(write_photos("folder", tmp_path, "train")) == 40
    assert [path.name for path in write_photos("folder", tmp_path, "val").paths] == ["y.png"]
    put(tmp_path / "val" / "c" / "y.png")
    with pytest.raises(ValueError, match=r"val/c is a class that the training pictures lack"):
        write_photos("folder", tmp_path, "val")


def as_torchvision(root: Path) -> tuple[list[str], list[tuple[str, int]]]:
    """Return the classes, and the files with their labels."""
    found = ImageFolder(str(root))
    return found.classes, found.samples


def test_a_folder_is_read_as_torchvision_reads_it(tmp_path: Path) -> None:
    """Folders are nested, linked and Chinese, 10 comes before 2, and one is called old.jpg.

    Then it is the same less hidden parts, and without a link that leads nowhere new.
    """
    root, elsewhere = tmp_path / "data" / "train", tmp_path / "elsewhere"
    put(*(root / name / f"{i}.png" for name in ("2", "10", "猫", "Bee") for i in (1, 10, 2)))
    put(root / "Bee" / "b" / "1.JPG", root / "Bee" / "b-a" / "1.webp", root / "Bee" / "b" / "deep" / "0.bmp")
    put(root / "猫" / "old.jpg" / "in.tiff", elsewhere / "linked" / "x.png", elsewhere / "狗" / "y.png")
    (root / "10" / "link").symlink_to(elsewhere / "linked", target_is_directory=True)
    (root / "10" / "0.png").symlink_to(elsewhere / "狗" / "y.png")
    (root / "狗").symlink_to(elsewhere / "狗", target_is_directory=True)
    (root / "2" / "notes.txt").write_text("not a picture")
    put(*(tmp_path / "data" / split / "2" / "1.png" for split in ("val", "test")))

    def ours() -> tuple[list[str], list[tuple[str, int]]]:
        found = write_photos("folder", tmp_path / "data", "train")
        return list(found.classes), list(zip(map(str, found.paths), found.labels.tolist(), strict=True))

    classes, samples = as_torchvision(root)
    assert classes == ["10", "2", "Bee", "狗", "猫"]
    assert [Path(path).name for path, label in samples if label == 1] == ["1.png", "10.png", "2.png"]
    assert len(samples) == 19
    assert ours() == (classes, samples)

    put(root / "Bee" / "._1.png", root / "Bee" / ".ipynb_checkpoints" / "1.png", root / ".hidden" / "1.png")
    (root / "Bee" / "b" / "up").symlink_to(root / "Bee", target_is_directory=True)
    (root / "Bee" / "top").symlink_to(tmp_path / "data", target_is_directory=True)
    assert ours() == (classes, samples)


def test_a_class_without_a_picture_or_with_a_name_in_no_alphabet_is_said(tmp_path: Path) -> None:
    put(*(tmp_path / split / "cat" / "1.png" for split in ("train", "test")))
    (tmp_path / "train" / "dog").mkdir()
    with pytest.raises(FileNotFoundError, match="dog"):
        as_torchvision(tmp_path / "train")
    put(tmp_path / "train" / "dog" / ".thumbs" / "1.png")
    with pytest.raises(FileNotFoundError, match=r"train/dog holds no pictures \(\.avif, \.bmp"):
        write_photos("folder", tmp_path, "train")
    (tmp_path / "train" / "dog").rename(os.fsdecode(bytes(tmp_path / "train") + b"/\xb9\xb7"))  # GBK
    with pytest.raises(ValueError, match=r"whose name is not UTF-8, '\\udcb9\\udcb7'"):
        write_photos("folder", tmp_path, "train")


def test_imagenette_is_named_in_words(tmp_path: Path) -> None:
    for wnid in IMAGENETTE:
        put(*(tmp_path / "imagenette" / split / wnid / "1.JPEG" for split in ("train", "val")))
    test = write_photos("imagenette", tmp_path, "test")
    assert test.classes == DATASETS["imagenette"].classes
    assert test.classes[test.labels[4]] == "church"
    assert test.paths[4].parent.name == "n03028079"
    assert (
        len(write_photos("imagenette", tmp_path, "train")),
        len(write_photos("imagenette", tmp_path, "val")),
    ) == (
        9,
        1,
    )
    put(tmp_path / "imagenette" / "train" / "n00000001" / "1.JPEG")
    with pytest.raises(ValueError, match="does not hold the ten classes"):
        write_photos("imagenette", tmp_path, "train")


def test_tiny_imagenet_reads_its_annotations(tmp_path: Path) -> None:
    root = tmp_path / "tiny-imagenet-200"
    put(
        *(root / "train" / wnid / "images" / f"{wnid}_{i}.JPEG" for wnid in ("n02", "n01") for i in range(10))
    )
    put(*(root / "val" / "images" / f"val_{i}.JPEG" for i in range(3)))
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "words.txt").write_text("n00\tentity\nn01\tgoldfish, Carassius auratus\nn02\tbell pepper\n")
    rows = "".join(f"val_{i}.JPEG\t{wnid}\t0\t0\t9\t9\n" for i, wnid in enumerate(("n02", "n01", "n02")))
    (root / "val" / "val_annotations.txt").write_text(rows)
    test = write_photos("tiny-imagenet", tmp_path, "test")
    assert test.classes == ("goldfish", "bell pepper")
    assert test.labels.tolist() == [1, 0, 1]
    assert all(path.is_file() for path in test.paths)
    train, val = (
        write_photos("tiny-imagenet", tmp_path, "train"),
        write_photos("tiny-imagenet", tmp_path, "val"),
    )
    assert (len(train), val.labels.tolist()) == (18, [0, 1])
    (root / "words.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"words\.txt is missing"):
        write_photos("tiny-imagenet", tmp_path, "train")


@pytest.mark.parametrize("key", DATASETS)
def test_a_missing_data_set_is_named(key: str, tmp_path: Path) -> None:
    for split in SPLITS:
        with pytest.raises(FileNotFoundError, match=str(tmp_path)):
            DATASETS[key].load(tmp_path, split)


def test_the_specs_load_without_torch() -> None:
    program = "import sys; sys.modules['torch'] = None; import vitdemo.datasets"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
