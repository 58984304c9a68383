"""What a network may be called: timm's spellings and the names of its networks are turned into ours."""

from __future__ import annotations

from pathlib import Path

from vitdemo.weights.timm import read_networks


def resolve_name(name: str) -> str:
    """Return `name` as a folder or as `hf-hub:owner/repo[@revision]`; as it is where it is neither.

    timm writes `hf_hub:` and `local-dir:`. Its own networks lie in repositories of their names; without a tag
    the first of them is meant, as there.
    """
    if name.startswith("hf_hub:"):
        return f"hf-hub:{name.removeprefix('hf_hub:')}"
    if name.startswith("local-dir:"):
        return name.removeprefix("local-dir:")
    tables = read_networks()
    architecture, _, tag = tables["renamed"].get(name, name).partition(".")
    if architecture not in tables["tags"] or Path(name).exists():
        return name
    return f"hf-hub:timm/{architecture}.{tag or tables['tags'][architecture]}"
