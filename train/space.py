"""What a Hugging Face Space needs of this checkout: the app, its package, the bundled networks, no more."""

from __future__ import annotations

import shutil
from pathlib import Path

from huggingface_hub import RepoCard, SpaceCardData

from train.parcel import list_files, refuse_link
from train.shelf import list_checkpoints
from vitdemo.weights import BUNDLED

ROOT = Path(__file__).parents[1]
FILES = ("app.py", "LICENSE", "README.md", "requirements.txt")
# What the package is made of. Texts are none of it but for the licence of the letters.
PARTS = ("*.py", "*.js", "*.ts", "*.css", "*.html", "*.json", "*.jpg", "*.webp", "*.otf", "letters.txt")
PREVIEW = "vitdemo/serving/preview.jpg"
# A Space without a GPU: the usual wheels of torch bring 4 GB that nothing there can use.
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
LARGE_FILES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def fill_space(stage: Path, *, owner_name: str) -> str:
    """Fill `stage` with the Space `owner/name`, and return what the commit says.

    Raise ValueError naming what is wrong: a link, a front matter that is not a Space's, or a bundled network
    as `list_files` has it; FileNotFoundError where this is no checkout.
    """
    for path in (*(ROOT / name for name in FILES), *list_package(ROOT / "vitdemo")):
        refuse_link(path)
        target = stage / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    for name, folder in list_checkpoints(BUNDLED).items():
        (stage / "checkpoints" / name).mkdir(parents=True)
        for path in list_files(folder):
            (stage / "checkpoints" / name / path.name).symlink_to(path)
    requirements = stage / "requirements.txt"
    requirements.write_text(CPU_WHEELS + requirements.read_text(encoding="utf-8"), encoding="utf-8")
    (stage / ".gitattributes").write_text(LARGE_FILES, encoding="utf-8")
    write_card(stage / "README.md", owner_name=owner_name)
    return "The app with its bundled networks"


def list_package(folder: Path) -> list[Path]:
    """Return the parts of the package in `folder`, none hidden. Raise ValueError naming a link there."""
    shown = [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    for path in shown:
        refuse_link(path)
    return [path for path in shown if path.is_file() and any(path.match(part) for part in PARTS)]


def write_card(path: Path, *, owner_name: str) -> None:
    """Give the README at `path` the thumbnail of its Space. Raise ValueError for a wrong front matter."""
    card = RepoCard(path.read_text(encoding="utf-8"))
    data = card.data.to_dict()
    missing = [key for key in ("title", "sdk", "sdk_version", "app_file") if key not in data]
    if missing:
        raise ValueError(f"the front matter of README.md has no {missing[0]}")
    data["thumbnail"] = f"https://huggingface.co/spaces/{owner_name}/resolve/main/{PREVIEW}"
    card.data = SpaceCardData(**data)
    card.save(path)
