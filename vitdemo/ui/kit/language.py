"""The page's words in the visitor's language. English text is the key; the `zh.json` of a room translates it.

The browser translates what stands still (`label`), gradio's own way; Python translates what it writes for a
visitor (`say`), after the language that their browser asks for; scripts get both languages (`both`). All read
the same dictionaries, and pictures are drawn in the same words (`vitdemo.message.SPOKEN`). Names of models
and papers stay English, as do model cards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from vitdemo.message import Message
from vitdemo.ui.kit.assets import ROOMS

# What the engine says, by the templates of its Messages.
ENGINE = Path(__file__).with_name("engine.json")
CLASSES = Path(__file__).with_name("classes.json")  # the words that bundled networks know
CHINESE = ("zh-cn", "zh-tw")  # the two that gradio knows; all else is English, as there


@cache
def read_chinese() -> dict[str, str]:
    """Return English text -> Chinese text, {gaps} as they are."""
    return {
        key: words for file in find_catalogues() for key, words in json.loads(file.read_text("utf-8")).items()
    }


def find_catalogues() -> list[Path]:
    """Return the files that translate: one a room, and what the engine says."""
    return [*sorted(ROOMS.rglob("zh.json")), ENGINE]


@cache
def make_translations() -> gr.I18n:
    """Return the translations that `Blocks.launch` gives to the browser."""
    return gr.I18n(en={key: key for key in read_chinese()}, zh=read_chinese())


def label(text: str) -> Any:
    """Return a text that never changes, for the browser to translate.

    It may be a label, an info line, a button's word or a choice's name. It is an `I18nData`, which gradio
    takes in more places than its annotations say. gradio reads it up to the first brace and translates one
    of them in a string: no {gaps}, and no two in one piece of HTML.
    """
    return make_translations()(text)


def say(text: str, /, **gaps: object) -> str:
    """Return `text` in the language of the visitor who is being answered, its {gaps} filled.

    The name of a class in a gap is as `word` has it.
    """
    translated = read_chinese().get(text, text) if find_language() == "zh" else text
    return translated.format(**{gap: word(value) for gap, value in gaps.items()}) if gaps else translated


@cache
def read_class_names() -> dict[str, str]:
    """Return English name of a class -> its Chinese name."""
    return json.loads(CLASSES.read_text("utf-8"))


def word(name: Any) -> Any:
    """Return the name of a class in the language of the visitor who is being answered.

    What the page has no other name for comes back as it is. A Message is translated.
    """
    if isinstance(name, Message):
        return translate(name)
    return read_class_names().get(name, name) if find_language() == "zh" else name


def english(name: str) -> str:
    """Return the name that a network has for the class that `word` called `name`."""
    return {theirs: ours for ours, theirs in read_class_names().items()}.get(name, name)


def translate(said: str | Exception) -> str:
    """Return a Message of the engine, or that of an error, in the language of the visitor.

    Any other text stays as it is.
    """
    if isinstance(said, Exception):
        said = said.args[0] if said.args and isinstance(said.args[0], Message) else str(said)
    if not isinstance(said, Message):
        return word(said)
    gaps = said.gaps.items()
    translated = {gap: translate(value) if isinstance(value, Message) else value for gap, value in gaps}
    return say(said.template, **translated)


def say_both(words: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return a script's dictionary, key -> English text, in both languages: language -> key -> text."""
    return {"en": dict(words), "zh": {key: read_chinese().get(text, text) for key, text in words.items()}}


def find_language() -> str:
    """Return "zh" where the browser's first language is a Chinese one, else "en".

    The browser decides in the same way.
    """
    request = LocalContext.request.get(None)
    wanted = request.headers.get("accept-language", "") if request else ""
    return "zh" if re.split("[,;]", wanted)[0].strip().lower() in CHINESE else "en"
