"""The data sets: class names, statistics, and how their pictures are found on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vitdemo.cifar import read_batch
from vitdemo.config import DataConfig
from vitdemo.folders import Photos, list_class_folders, read_tree
from vitdemo.message import Message

Split = Literal["train", "val", "test"]
VAL_IMAGES = 5000  # the last training images of CIFAR, held out for every choice
TENTH = 10  # one training picture in ten is held out where a data set has no third split


@dataclass(frozen=True)
class Images:
    """Pictures of one size in memory: `pixels` uint8 `(b, 3, hh, ww)`, `labels` int64 `(b,)`."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rows: slice) -> Images:
        return Images(self.pixels[rows], self.labels[rows])


@dataclass(frozen=True)
class DatasetSpec:
    """`load(folder, split)` finds a split; `data` is its test-time transform and statistics.

    `classes` is empty where only the files know them (`Photos.classes`). `judged` is what the data set's
    authors call the split that is "test" here.
    """

    key: str
    title: str
    classes: tuple[str, ...]
    data: DataConfig
    load: Callable[[Path, Split], Images | Photos]
    judged: str = "test"


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR100_CLASSES = (
    "apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo",
    "keyboard", "lamp", "lawn mower", "leopard", "lion", "lizard", "lobster", "man", "maple tree",
    "motorcycle", "mountain", "mouse", "mushroom", "oak tree", "orange", "orchid", "otter", "palm tree",
    "pear", "pickup truck", "pine tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit",
    "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe",
    "whale", "willow tree", "wolf", "woman", "worm",
)  # fmt: skip
IMAGENETTE = {
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player",
    "n03000684": "chain saw", "n03028079": "church", "n03394916": "French horn",
    "n03417042": "garbage truck", "n03425413": "gas pump", "n03445777": "golf ball", "n03888257": "parachute",
}  # fmt: skip

PHOTO_WORDS = tuple(sorted([*IMAGENETTE.values(), "cat", "dog"]))


def load_cifar10(folder: Path, split: Split) -> Images:
    """Return CIFAR-10 (Krizhevsky 2009) from `folder/cifar-10-batches-py`.

    "train" is the first 45,000 training images, "val" the last 5,000, "test" the test batch.
    Raise FileNotFoundError saying how to get the files.
    """
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    return _load_cifar(
        [folder / "cifar-10-batches-py" / name for name in names], split, labels="labels", classes=10
    )


def load_cifar100(folder: Path, split: Split) -> Images:
    """Return CIFAR-100 from `folder/cifar-100-python`, with its 100 fine labels; split as CIFAR-10 is."""
    name = "test" if split == "test" else "train"
    return _load_cifar([folder / "cifar-100-python" / name], split, labels="fine_labels", classes=100)


def _load_cifar(files: list[Path], split: Split, *, labels: str, classes: int) -> Images:
    batches = [read_batch(file, labels=labels, classes=classes) for file in files]
    pixels = np.concatenate([batch[0] for batch in batches]).reshape(-1, 3, 32, 32)
    numbers = np.concatenate([batch[1] for batch in batches])
    if split != "test":
        part = slice(None, -VAL_IMAGES) if split == "train" else slice(-VAL_IMAGES, None)
        pixels, numbers = pixels[part], numbers[part]
    return Images(np.ascontiguousarray(pixels), numbers)


def load_folder(folder: Path, split: Split) -> Photos:
    """Return any `folder/{train,val,test}/<class>/**` of pictures, as torchvision's ImageFolder reads them.

    Hidden files and folders are left out. A class is named by its folder.
    With `val` and `test` both there, each is what it says. With one of them, that one is "test", and "val"
    is a tenth of `train`: every tenth file of the sorted list, which "train" then lacks.
    Raise FileNotFoundError for a missing folder or a class without a picture, ValueError for a class that
    `train` lacks.
    """
    classes = tuple(entry.name for entry in list_class_folders(folder / "train"))
    judged = [name for name in ("val", "test") if (folder / name).is_dir()]
    if split != "train" and not judged:
        raise FileNotFoundError(f"{folder} has neither a folder val nor a folder test")
    if split == "test":
        return read_tree(folder / judged[-1], classes)
    if len(judged) == 2:
        return read_tree(folder / split, classes)
    return _split_off_tenth(read_tree(folder / "train", classes), split)


def load_imagenette(folder: Path, split: Split) -> Photos:
    """Return Imagenette (fast.ai) from `folder/imagenette`, any of its sizes, split as `load_folder` does."""
    photos = load_folder(folder / "imagenette", split)
    if photos.classes != tuple(IMAGENETTE):
        raise ValueError(f"{folder / 'imagenette' / 'train'} does not hold the ten classes of Imagenette")
    return Photos(photos.paths, photos.labels, tuple(IMAGENETTE.values()))


def load_photos(folder: Path, split: Split) -> Photos:
    """Return the twelve everyday words from `folder/photos`: Imagenette's ten, cat and dog."""
    photos = load_folder(folder / "photos", split)
    if photos.classes != PHOTO_WORDS:
        raise ValueError(f"{folder / 'photos' / 'train'} does not hold a folder for each of the twelve words")
    return photos


def load_imagenet(folder: Path, split: Split) -> Photos:
    """Return ImageNet-1k from `folder/imagenet/{train,val}/<wnid>`, split as `load_folder` does."""
    photos = load_folder(folder / "imagenet", split)
    names = list_imagenet_classes()
    if len(photos.classes) != len(names):
        raise ValueError(
            f"{folder / 'imagenet' / 'train'} has {len(photos.classes)} folders instead of {len(names)}: "
            "train on it with dataset=folder"
        )
    return Photos(photos.paths, photos.labels, names)


def load_tiny_imagenet(folder: Path, split: Split) -> Photos:
    """Return Tiny ImageNet (200 classes, 64 px) from `folder/tiny-imagenet-200`.

    Its own test split has no labels, so "test" is its `val` folder; "val" is a tenth of its `train`.
    """
    root = folder / "tiny-imagenet-200"
    wnids = tuple(sorted(_read_column(root / "wnids.txt", 1)))
    words = _read_column(root / "words.txt", 2)
    names = tuple(words.get(wnid, wnid).split(",")[0] for wnid in wnids)
    if split != "test":
        photos = _split_off_tenth(read_tree(root / "train", wnids), split)
        return Photos(photos.paths, photos.labels, names)
    rows = _read_column(root / "val" / "val_annotations.txt", 2)
    labels = np.array([wnids.index(wnid) for wnid in rows.values()], dtype=np.int64)
    return Photos(tuple(root / "val" / "images" / name for name in rows), labels, names)


def _read_column(path: Path, columns: int) -> dict[str, str]:
    """Return the first column of a text file of tab-separated lines, and its `columns`-th."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: unpack Tiny ImageNet there first (see README)")
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {line[0]: line[columns - 1] for line in lines}


def _split_off_tenth(photos: Photos, split: Split) -> Photos:
    chosen = (np.arange(len(photos)) % TENTH == TENTH - 1) == (split == "val")
    paths = tuple(path for path, here in zip(photos.paths, chosen, strict=True) if here)
    return Photos(paths, photos.labels[chosen], photos.classes)


def list_imagenet_classes() -> tuple[str, ...]:
    """Return the 1000 names of ImageNet-1k, in the usual order, as torchvision ships them."""
    from torchvision.models import ViT_B_16_Weights

    return tuple(ViT_B_16_Weights.IMAGENET1K_V1.meta["categories"])


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR100_DATA = DataConfig("cifar100", 32, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
# 0.888 of 144 px is 128 px: pictures stored at 144 px reach a 128-px model without being resized.
IMAGENETTE_DATA = DataConfig("imagenette", 128, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.888)
PHOTO_DATA = DataConfig("photos", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=1.0)
TINY_DATA = DataConfig("tiny-imagenet", 64, IMAGENET_MEAN, IMAGENET_STD)
IMAGENET_DATA = DataConfig("imagenet", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.9)
FOLDER_DATA = DataConfig("folder", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.9)

_SPECS = (
    DatasetSpec("cifar10", "CIFAR-10", CIFAR10_CLASSES, DataConfig(), load_cifar10),
    DatasetSpec("cifar100", "CIFAR-100", CIFAR100_CLASSES, CIFAR100_DATA, load_cifar100),
    DatasetSpec("tiny-imagenet", "Tiny ImageNet", (), TINY_DATA, load_tiny_imagenet, "validation"),
    DatasetSpec(
        "imagenette", "Imagenette", tuple(IMAGENETTE.values()), IMAGENETTE_DATA, load_imagenette, "validation"
    ),
    DatasetSpec(
        "photos", Message("twelve everyday words"), PHOTO_WORDS, PHOTO_DATA, load_photos, "validation"
    ),
    DatasetSpec("imagenet", "ImageNet-1k", (), IMAGENET_DATA, load_imagenet, "validation"),
    DatasetSpec("folder", "a folder of pictures", (), FOLDER_DATA, load_folder),
)
DATASETS: dict[str, DatasetSpec] = {spec.key: spec for spec in _SPECS}
