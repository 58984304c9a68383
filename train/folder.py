"""Splits that lie on disk as picture files: decoded once, or for each batch by worker processes."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as tv
from tqdm import tqdm

from train.config import TrainConfig
from train.data import Bytes, Pictures, Rows, digest, statistics, stored_size
from train.options import AugmentOptions
from vitdemo.config import DataConfig, as_pair
from vitdemo.cores import count_cores
from vitdemo.data import preprocess
from vitdemo.datasets import Images, Photos, Split
from vitdemo.decode import BadImage, decode

Augmented = tuple[Bytes, Bool[Tensor, "b"]]  # pictures, and which of them are mirrored
Place = tuple[int, list[int]]  # a batch: its epoch and its rows
THREADS = count_cores()
ENDS = 2**14  # bytes


def read(path: Path) -> Image.Image:
    """Return the picture in a file as RGB. Raise BadImage naming the folder and the file."""
    try:
        return decode(path)
    except BadImage as error:
        raise BadImage(f"{path.parent}: {error}") from error


def read_ends(path: Path) -> bytes:
    """Return the size of a file, its beginning and its end: where one picture is never like another."""
    with path.open("rb") as file:
        begin, size = file.read(ENDS), file.seek(0, os.SEEK_END)
        file.seek(max(0, size - ENDS))
        return b"%d %b %b" % (size, begin, file.read(ENDS))


def decode_as_tested(path: Path, *, data: DataConfig) -> np.ndarray:
    """Return what the model is asked about where this file is uploaded: uint8 `(3, h, w)`."""
    plain = replace(data, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    pixels = preprocess(read(path), config=plain).pixels[0]
    return (255 * pixels).round().byte().numpy()


def decode_middle(path: Path, *, data: DataConfig) -> np.ndarray:
    """Return the middle of the picture, from which random crops choose: uint8 `(3, s, s)`."""
    return np.asarray(cut_middle(read(path), data)).transpose(2, 0, 1)


def cut_middle(image: Image.Image, data: DataConfig) -> Image.Image:
    """Resize so that the test-time crop would follow, then cut to a rectangle about the centre."""
    height, width = stored_size(data)
    ratio = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * ratio)), max(height, round(image.height * ratio)))
    resized = image.resize(size, Image.Resampling[data.interpolation.upper()])
    left, top = round((resized.width - width) / 2), round((resized.height - height) / 2)
    return resized.crop((left, top, left + width, top + height))


def decode_all(photos: Photos, *, data: DataConfig, split: Split) -> Images:
    """Decode every picture, with a progress bar. Raise BadImage for a file that cannot be read.

    Of `train` it is the middle before the last crop, of the others what the test-time transform shows.
    """
    kept = stored_size(data) if split == "train" else as_pair(data.img_size)
    one = decode_middle if split == "train" else decode_as_tested
    pixels = np.empty((len(photos), 3, *kept), dtype=np.uint8)
    with ThreadPoolExecutor(THREADS) as pool:
        decoded = pool.map(lambda path: one(path, data=data), photos.paths)
        bar = tqdm(decoded, desc=f"decoding {split}", total=len(photos), unit="picture", leave=False)
        for index, picture in enumerate(bar):
            pixels[index] = picture
    return Images(pixels, photos.labels)


def make_random_view(options: AugmentOptions, data: DataConfig) -> Callable[[Image.Image], Tensor]:
    """Return torchvision's transforms up to the flip: a crop, as uint8 `(3, h, w)`."""
    size = list(as_pair(data.img_size))
    if options.crop_scale:
        crop = v2.RandomResizedCrop(size, scale=options.crop_scale, ratio=options.crop_ratio)
        return v2.Compose([crop, v2.PILToTensor()])
    window = v2.RandomCrop(size, padding=options.crop_pad or None, padding_mode="reflect")
    return v2.Compose([lambda image: cut_middle(image, data), v2.PILToTensor(), window])


def make_random_change(options: AugmentOptions) -> Callable[[Tensor], Tensor]:
    """Return torchvision's transforms after the flip: rotation, RandAugment or TrivialAugment."""
    steps: list[Callable[[Tensor], Tensor]] = []
    kind = InterpolationMode.BILINEAR
    if options.rotate:
        # With a fill colour, even black, torchvision darkens the rim of the turned picture twice.
        around = (-options.rotate, options.rotate)
        steps.append(v2.RandomRotation(around, interpolation=kind, fill=None))
    if options.auto_augment == "randaugment":
        ops, magnitude = options.randaugment_ops, options.randaugment_magnitude
        steps.append(v2.RandAugment(ops, magnitude=magnitude, interpolation=kind))
    elif options.auto_augment == "trivialaugment":
        steps.append(v2.TrivialAugmentWide(interpolation=kind))
    return v2.Compose(steps) if steps else lambda x: x


@dataclass
class Decoder(Dataset):
    """The training split by place: one augmented batch for an epoch's number and rows.

    The draws are a function of seed, epoch and rows alone, so that a batch is the same whoever decodes it and
    whenever.

    A file that cannot be read gives its message instead: an error raised in a worker would drown it.
    """

    paths: tuple[Path, ...]
    config: TrainConfig
    data: DataConfig

    def __getitem__(self, place: Place) -> Augmented | str:
        epoch, rows = place
        options = self.config.augment
        view, change = make_random_view(options, self.data), make_random_change(options)
        seed = zlib.crc32(np.asarray([epoch, *rows], dtype=np.int64).tobytes(), self.config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            mirrored = torch.rand(len(rows)) < 0.5 if options.flip else torch.zeros(len(rows)).bool()
            pictures = []
            for row, mirror in zip(rows, mirrored.tolist(), strict=True):
                try:
                    picture = view(read(self.paths[row]))
                except BadImage as error:
                    return str(error)
                pictures.append(change(tv.horizontal_flip(picture) if mirror else picture))
        return torch.stack(pictures), mirrored


@dataclass
class Announced:
    """The batches of an epoch, as the rows that each will ask for."""

    batches: list[Place] = field(default_factory=list)

    def __iter__(self) -> Iterator[Place]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def leave_signals(_: int) -> None:
    """Leave a stop to the main process, which saves first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class FolderSplit(Pictures):
    """A split that stays on disk."""

    def __init__(
        self, photos: Photos, *, data: DataConfig, device: torch.device, config: TrainConfig | None = None
    ) -> None:
        """Take `config` for the training split alone: how it is augmented, and by how many workers."""
        labels, (mean, std) = torch.from_numpy(photos.labels).to(device), statistics(data, device)
        super().__init__(labels=labels, mean=mean, std=std, data=data, classes=photos.classes)
        self.photos, self.device, self.config = photos, device, config
        self.announced, self.coming, self.epoch = Announced(), iter(()), 0
        self.loader: DataLoader | None = None

    def part(self, rows: slice) -> FolderSplit:
        return FolderSplit(self.photos.part(rows), data=self.data, device=self.device, config=self.config)

    def fingerprint(self) -> str:
        """Return what tells the files: their places below the split's folder, their sizes and their ends."""
        paths = self.photos.paths
        root = os.path.commonpath(paths)
        with ThreadPoolExecutor(THREADS) as pool:
            contents = pool.map(lambda path: digest(os.path.relpath(path, root), read_ends(path)), paths)
            return digest(repr(self.data), self.labels, *contents)

    def fetch(self, rows: Rows) -> Bytes:
        """Return the pictures as the test-time transform shows them. Raise BadImage."""
        numbers = torch.arange(len(self))[rows.cpu() if isinstance(rows, Tensor) else rows].tolist()
        with ThreadPoolExecutor(THREADS) as pool:
            paths = [self.photos.paths[number] for number in numbers]
            pictures = list(pool.map(lambda path: decode_as_tested(path, data=self.data), paths))
        return torch.from_numpy(np.stack(pictures)).to(self.device)

    def begin(self, order: Sequence[Int[Tensor, "b"]], *, epoch: int) -> None:
        """Announce the rows of the batches to come, which the workers then decode ahead of time."""
        self.epoch = epoch
        assert self.config is not None
        if self.loader is None:
            workers = self.config.data.workers
            self.loader = DataLoader(
                Decoder(self.photos.paths, self.config, self.data),
                batch_size=None,
                sampler=self.announced,
                num_workers=workers,
                persistent_workers=workers > 0,
                pin_memory=self.device.type == "cuda",
                worker_init_fn=leave_signals if workers else None,
            )
        self.announced.batches = [(epoch, rows.tolist()) for rows in order]
        self.coming = iter(self.loader)

    def close(self) -> None:
        """End the workers; `begin` would start others."""
        # Dropped by name: what the garbage collector ends has lost its queues, and waits 5 s for each worker.
        self.coming, self.loader = iter(()), None

    def augment(self, rows: Int[Tensor, "b"]) -> Augmented:
        """Return the next announced batch, which `rows` must be; without an announcement decode `rows` now.

        Raise BadImage naming a file that cannot be read.
        """
        assert self.config is not None
        batch = next(self.coming, None)
        if batch is None:
            batch = Decoder(self.photos.paths, self.config, self.data)[self.epoch, rows.tolist()]
        if isinstance(batch, str):
            raise BadImage(batch)
        pixels, mirrored = batch
        assert len(pixels) == len(rows)
        return pixels.to(self.device, non_blocking=True), mirrored.to(self.device, non_blocking=True)
