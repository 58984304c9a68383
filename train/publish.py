"""Put a checkpoint, or the app, on the Hugging Face Hub, after looking at it as a user of it would.

`python -m train.publish NAME --repo owner/name [--subfolder NAME] [--dry-run]`: `hf-hub:owner/name` then
loads it. For a Space that takes its weights from one repository (VITDEMO_HUB_REPO), give each model its name
as `--subfolder`.

`python -m train.publish --space owner/name [--dry-run]`: the app with all bundled networks as a Space.

The client takes its token from `hf auth login` or HF_TOKEN. A dry run looks over all that would be sent.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from huggingface_hub import HfApi, errors
from huggingface_hub.utils import HFValidationError, validate_repo_id

from train.parcel import list_files
from train.shelf import find_folder
from train.space import fill_space
from vitdemo.weights.store import read_description

PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
SUBFOLDER = re.compile(rf"({PART}(/{PART})*)?")


def check_address(repo: str, subfolder: str = "") -> None:
    """Raise ValueError for what is no owner/name on the Hub, or no folder within a repository."""
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise ValueError(f"{repo!r} is no name on the Hub: {error}") from error
    if repo.count("/") != 1:
        raise ValueError(f"{repo!r} is no name on the Hub: it must be owner/name")
    if not SUBFOLDER.fullmatch(subfolder):
        raise ValueError(
            f"{subfolder!r} is no folder within a repository: its parts, between single slashes, are of "
            "A-Z, a-z, 0-9, '.', '_' and '-', and begin with no dot"
        )


def upload(
    folder: Path, *, repo: str, message: str, subfolder: str = "", private: bool = False, space: bool = False
) -> str:
    """Send the files of `folder` as one commit to `repo`, made if need be; return the commit's address.

    In a Space they take the place of all that was there. Raise ValueError with one sentence where the Hub or
    the client refuses.
    """
    api = HfApi()
    kind, sdk = ("space", "gradio") if space else ("model", None)
    try:
        api.create_repo(repo, repo_type=kind, space_sdk=sdk, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=folder,
            path_in_repo=subfolder or None,
            delete_patterns="*" if space else None,
            commit_message=message,
        )
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        advice = {401: "log in first with `hf auth login`", 403: "your token may not write there"}
        raise ValueError(f"the Hub refused {repo} (status {status}): {advice.get(status, error)}") from error
    except Exception as error:  # of the connection: the client's HTTP library differs from version to version
        raise ValueError(f"{repo} could not be published: {error}") from error
    return str(commit.commit_url)


def fill_checkpoint(stage: Path, name: str) -> str:
    """Link the files of a checkpoint into `stage`, and return what the commit says. Raise ValueError."""
    folder = find_folder(name)
    for path in list_files(folder):
        (stage / path.name).symlink_to(path.resolve())
    return f"{read_description(folder, label=folder.name).name}: weights, card and figures"


def make_parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m train.publish", description=__doc__)
    result.add_argument("name", nargs="?", help="a folder, or the name of a bundled network or of a run")
    place = result.add_mutually_exclusive_group(required=True)
    place.add_argument("--repo", help="owner/name on the Hub; made if it does not exist")
    place.add_argument("--space", help="owner/name of a Space, for the app; made if it does not exist")
    result.add_argument("--subfolder", default="", help="folder within the repository of --repo")
    result.add_argument("--private", action="store_true", help="make the repository private, if it is new")
    result.add_argument("--dry-run", action="store_true", help="check, list what would go, and send nothing")
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = make_parser()
    options = parser.parse_args(arguments)
    if bool(options.name) == bool(options.space):
        parser.error("name a network for --repo, and none for --space")
    if options.space and options.subfolder:
        parser.error("--subfolder is a folder of --repo: a Space is filled as a whole")
    repo = options.space or options.repo
    try:
        check_address(repo, options.subfolder)
        with tempfile.TemporaryDirectory(prefix="vitdemo-publish-") as place:
            stage = Path(place)
            if options.space:
                message = fill_space(stage, owner_name=repo)
            else:
                message = fill_checkpoint(stage, options.name)
            list_contents(stage, "/".join(part for part in (repo, options.subfolder) if part))
            if options.dry_run:
                print("dry run: nothing was sent")
                return
            sent = {"repo": repo, "subfolder": options.subfolder, "private": options.private}
            print(upload(stage, message=message, space=bool(options.space), **sent))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


def list_contents(stage: Path, place: str) -> None:
    """Print what goes where, with its size."""
    found = sorted(path for path in stage.rglob("*") if path.is_file())
    for path in found:
        print(f"{path.relative_to(stage)} -> {place} ({path.stat().st_size:,} bytes)")
    print(f"{len(found)} files, {sum(path.stat().st_size for path in found) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
