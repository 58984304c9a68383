"""Ten example pictures, one a CIFAR-10 class, drawn by `tools/examples` (no photo was used)."""

from pathlib import Path

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def example_paths() -> dict[str, Path]:
    """Class name -> picture file (512 x 512 px, RGB, WebP), in the order of CIFAR-10's labels."""
    folder = Path(__file__).parent
    return {name: folder / f"{name}.webp" for name in CLASSES}
