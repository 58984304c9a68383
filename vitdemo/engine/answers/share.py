"""What is sent to somebody else: one picture of the answer, and the line under films."""

from __future__ import annotations

from PIL import Image

from vitdemo import render
from vitdemo.engine.answers.tokens import draw_left
from vitdemo.engine.core.cache import Entry
from vitdemo.message import Message, said

COMMIT = 12  # digits that tell it from all others


def line(entry: Entry, address: str) -> str:
    """Return answer, patches, network and `address` on one line, as the visitor reads it."""
    facts = [*answer(entry), left(entry), name(entry), address]
    return " · ".join(said(fact) for fact in facts if fact)


def answer(entry: Entry) -> tuple[str, ...]:
    """Return the likeliest class and its probability in percent; nothing for a network without classes."""
    top = (entry.analysis.pruned or entry.analysis.dense).top
    return (top[0][0], f"{100 * top[0][1]:.1f} %") if top else ()


def name(entry: Entry) -> str:
    """Return the network's title; of one from the Hub also its repository with the commit."""
    title, source = entry.analysis.title, entry.analysis.source
    if not source.startswith("hf-hub:"):
        return title
    repo, _, commit = source.removeprefix("hf-hub:").partition("@")
    named = f"{repo}@{commit[:COMMIT]}"
    return named if title == repo else f"{title} ({named})"


def left(entry: Entry) -> Message:
    """Return how many patches the answer was given from, or in how many tokens they went."""
    count = entry.config.num_patches
    kept = len(entry.analysis.kept[-1]) if entry.analysis.kept else count
    if entry.analysis.merges:
        return Message("{count} patches in {left} tokens", left=kept, count=count)
    return Message("{left} of {count} patches", left=kept, count=count)


def card(entry: Entry, address: str) -> Image.Image:
    """Return the picture, the patches that were kept, and who says what of it, 1200 x 630 pixels."""
    analysis = entry.analysis
    words = answer(entry) or (analysis.title,)
    lines = [analysis.warning, left(entry), name(entry), analysis.vocabulary, address]
    shown = draw_left(entry, len(analysis.kept))
    return render.draw_card(shown, analysis.view, title=words, lines=lines)
