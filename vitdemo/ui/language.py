"""The page's words in the visitor's language. English text is the key; `chinese/*.json` translates it.

The browser translates what stands still (`label`), gradio's own way; Python translates what it writes for a
visitor (`say`), after the language that his browser asks for. Both read the same dictionaries.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import gradio as gr
from gradio.context import LocalContext
from gradio.i18n import I18nData

FOLDER = Path(__file__).parent / "chinese"


@cache
def chinese() -> dict[str, str]:
    """English text -> Chinese text, {gaps} as they are."""
    files = sorted(FOLDER.glob("*.json"))
    return {key: words for file in files for key, words in json.loads(file.read_text("utf-8")).items()}


@cache
def translations() -> gr.I18n:
    """What `Blocks.launch` gives to the browser."""
    return gr.I18n(en={key: key for key in chinese()}, zh=chinese())


def label(text: str) -> I18nData:
    """Text of a component that never changes: a label, an info line, a button's word."""
    return translations()(text)


def say(text: str, **gaps: object) -> str:
    """`text` in the language of the visitor who is being answered, its {gaps} filled."""
    translated = chinese().get(text, text) if language() == "zh" else text
    return translated.format(**gaps) if gaps else translated


def language() -> str:
    """ "zh" where the browser's first language is a Chinese one, else "en"."""
    request = LocalContext.request.get(None)
    wanted = request.headers.get("accept-language", "") if request else ""
    return "zh" if wanted.lower().startswith("zh") else "en"
