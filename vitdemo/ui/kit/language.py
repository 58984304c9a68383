"""The page's words in the visitor's language. English text is the key; the `zh.json` of a room translates it.

The browser translates what stands still (`label`), gradio's own way; Python translates what it writes for a
visitor (`say`), after the language that his browser asks for; scripts get both languages (`both`). All read
the same dictionaries. Names of classes, models and papers stay English, as do model cards and the letters
inside of pictures: no font with Chinese letters comes along, it alone would be larger than the repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from vitdemo.ui.kit.assets import ROOMS

# What the engine says: finished sentences with numbers and names in them.
ENGINE = Path(__file__).with_name("engine.json")
CHINESE = ("zh-cn", "zh-tw")  # the two that gradio knows; all else is English, as there
LONGEST = 2000  # letters of a sentence that the engine may say
GAP = re.compile(r"\{(\w+)\}")


@cache
def chinese() -> dict[str, str]:
    """English text -> Chinese text, {gaps} as they are."""
    return {key: words for file in catalogues() for key, words in json.loads(file.read_text("utf-8")).items()}


def catalogues() -> list[Path]:
    """Return the files that translate: one a room, and what the engine says."""
    return [*sorted(ROOMS.rglob("zh.json")), ENGINE]


@cache
def translations() -> gr.I18n:
    """What `Blocks.launch` gives to the browser."""
    return gr.I18n(en={key: key for key in chinese()}, zh=chinese())


def label(text: str) -> Any:
    """Text of a component that never changes: a label, an info line, a button's word, a choice's name. An
    `I18nData`, which gradio takes in more places than its annotations say.

    gradio reads it up to the first brace and translates one of them in a string: no {gaps}, and no two in
    one piece of HTML.
    """
    return translations()(text)


def say(text: str, /, **gaps: object) -> str:
    """`text` in the language of the visitor who is being answered, its {gaps} filled."""
    translated = chinese().get(text, text) if language() == "zh" else text
    return translated.format(**gaps) if gaps else translated


def translate(text: str) -> str:
    """As `say`, for a text that the engine has finished: where it is no key, a key of engine.json whose
    {gaps} can be filled to make it gives the words, and what stood in the gaps is translated in turn."""
    return in_chinese(text) if language() == "zh" else text


def both(words: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The dictionary of a script, key -> English text, in both languages: language -> key -> text."""
    return {"en": dict(words), "zh": {key: chinese().get(text, text) for key, text in words.items()}}


def language() -> str:
    """ "zh" where the browser's first language is a Chinese one, else "en"; so in the browser."""
    request = LocalContext.request.get(None)
    wanted = request.headers.get("accept-language", "") if request else ""
    return "zh" if re.split("[,;]", wanted)[0].strip().lower() in CHINESE else "en"


def in_chinese(text: str) -> str:
    """The Chinese of a finished text; the text itself where there is none, or where it is longer than any
    sentence of the engine."""
    if text in chinese():
        return chinese()[text]
    if len(text) > LONGEST:
        return text
    for parts, words in templates():
        found = filled(parts, text)
        if found is not None:
            return words.format(**{gap: in_chinese(value) for gap, value in found.items()})
    return text


@cache
def templates() -> tuple[tuple[list[str], str], ...]:
    """(text, gap, text, ..., text; its Chinese) of the keys with gaps, those with most words first."""
    said = json.loads(ENGINE.read_text("utf-8"))
    keys = sorted(filter(GAP.search, said), key=lambda key: -len(GAP.sub("", key)))
    return tuple((GAP.split(key), said[key]) for key in keys)


def filled(parts: Sequence[str], text: str) -> dict[str, str] | None:
    """What stands in the gaps, none of them empty, if `text` is made of `parts`: each gap ends where the text
    after it begins first, and the last one at the end.

    A regular expression would try all ways to divide a text, which may hold whatever a visitor has sent.
    """
    (first, *between, last), gaps = parts[::2], parts[1::2]
    start, end, found = len(first), len(text) - len(last), {}
    if not (text.startswith(first) and text.endswith(last)):
        return None
    for gap, words in zip(gaps, between, strict=False):
        at = text.find(words, start + 1, end)
        if at < 0:
            return None
        found[gap], start = text[start:at], at + len(words)
    return {**found, gaps[-1]: text[start:end]} if start < end else None
