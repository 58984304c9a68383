"""Put a checkpoint on the Hugging Face Hub, after looking at it as a user of it would.

`python -m train.publish NAME --repo owner/name [--subfolder NAME] [--dry-run]`

`hf-hub:owner/name` then loads it. For a Space that takes its weights from one repository (VITDEMO_HUB_REPO),
give each model its name as `--subfolder`. The client takes its token from `hf auth login` or HF_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from vitdemo.weights import load_model
from vitdemo.weights.store import read_description

NEEDED = ("config.json", "metrics.json", "model.safetensors", "README.md")
WANTED = (*NEEDED, "*.png")
LIMIT = 10 * 10**6  # bytes of one file, as for the bundled ones
CHECKPOINTS = Path("checkpoints")


def files_of(folder: Path) -> list[Path]:
    """Return the files of a checkpoint that go to the Hub, in sorted order.

    Raise ValueError naming what is missing, empty, too large or wrong: weights that do not load (strictly,
    finite, with their checksum), a card without its front matter, metrics without an accuracy.
    """
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder} has no {missing[0]}")
    found = sorted(path for pattern in WANTED for path in folder.glob(pattern))
    for path in found:
        size = path.stat().st_size
        if not 0 < size <= LIMIT:
            raise ValueError(f"{path} has {size / 1e6:.1f} MB; 0 to {LIMIT / 1e6:.0f} MB can be published")
    load_model(str(folder))
    if not (folder / "README.md").read_text(encoding="utf-8").startswith("---\nlicense:"):
        raise ValueError(
            f"{folder / 'README.md'} is not a model card: it lacks the front matter with a license"
        )
    try:
        accuracy = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["accuracy"]
    except (ValueError, KeyError, TypeError):
        accuracy = math.nan
    if not 0 <= accuracy <= 100:
        raise ValueError(f"{folder / 'metrics.json'} states no accuracy from 0 to 100")
    return found


def upload(folder: Path, files: list[Path], *, repo: str, subfolder: str = "", private: bool = False) -> str:
    """Send `files` of `folder` as one commit to `repo`, made if need be; return the commit's address.

    Raise ValueError with one sentence where the Hub or the client refuses.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi()
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            path_in_repo=subfolder or None,
            allow_patterns=[path.name for path in files],
            commit_message=f"{read_description(folder, label=folder.name).name}: weights, card and figures",
        )
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        advice = {401: "log in first with `hf auth login`", 403: "your token may not write there"}
        raise ValueError(f"the Hub refused {repo} (status {status}): {advice.get(status, error)}") from error
    except Exception as error:  # of the connection: the client's HTTP library differs from version to version
        raise ValueError(f"{repo} could not be published: {error}") from error
    return str(commit.commit_url)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.publish", description=__doc__)
    parser.add_argument("name", help="a folder, such as runs/NAME/export, or the name of one in checkpoints/")
    parser.add_argument("--repo", required=True, help="owner/name on the Hub; made if it does not exist")
    parser.add_argument("--subfolder", default="", help="folder within the repository")
    parser.add_argument("--private", action="store_true", help="make the repository private, if it is new")
    parser.add_argument("--dry-run", action="store_true", help="check, list what would go, and send nothing")
    options = parser.parse_args(arguments)
    folder = CHECKPOINTS / options.name
    folder = folder if folder.is_dir() else Path(options.name)
    place = "/".join(part for part in (options.repo, options.subfolder) if part)
    try:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {options.name}, nor {CHECKPOINTS / options.name}")
        files = files_of(folder)
        for path in files:
            print(f"{path} -> {place}/{path.name} ({path.stat().st_size:,} bytes)")
        if options.dry_run:
            print("dry run: nothing was sent")
            return
        url = upload(folder, files, repo=options.repo, subfolder=options.subfolder, private=options.private)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(url)


if __name__ == "__main__":
    main()
