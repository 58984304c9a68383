"""A result as one file: the picture, the answers, and the tab itself, which needs no server there."""

from __future__ import annotations

import json
import posixpath
import re
from string import Template
from typing import Any

from PIL import Image

from vitdemo.engine import Look, Outcome, Result
from vitdemo.engine.look import to_state
from vitdemo.png import make_data_url, make_png_url
from vitdemo.ui.kit.assets import find_scripts, read
from vitdemo.ui.kit.html import Html, join, row, table, tag
from vitdemo.ui.kit.language import say_both
from vitdemo.ui.tabs.attention.words import OPTIONS, WORDS

HOME = "tabs/attention"
IMPORT = re.compile(r'^(import .*?)"([^"]+)";', re.MULTILINE)
STYLES = (f"{HOME}/report.css", "kit/maps/style.css", f"{HOME}/style.css")


def make_report(result: Result, *, image: Image.Image, title: str, look: Look) -> str:
    """Return the page.

    `image`: a picture of the result, `title`: its caption; `look`: what the tab begins with.
    """
    analysis = result.analysis
    modules = bundle(f"{HOME}/attention.js")
    value = json.loads(result.payload(whole=True))
    props = {
        "value": value,
        "words": say_both(WORDS),
        "methods": OPTIONS,
        "look": to_state(look.counted(value["layers"])),
    }
    answers = {"dense": analysis.dense, "pruned": analysis.pruned}
    tables = [list_top(name, outcome) for name, outcome in answers.items() if outcome is not None]
    body = join(
        tag("h1", ", ".join(filter(None, [name_answer(result), analysis.title]))),
        tag("p", analysis.vocabulary),
        tag(
            "div",
            tag("figure", tag("img", src=make_png_url(image), alt=title), tag("figcaption", title)),
            tag("div", *tables),
            class_="answers",
        ),
    )
    return Template(read(f"{HOME}/report.html")).substitute(
        title=tag("span", analysis.title).striptags(),
        styles="\n".join(map(read, STYLES)),
        language=read("kit/head.html"),
        modules=write_json({"imports": modules}),
        body=body,
        foot=tag("footer", f"{analysis.model} ({analysis.source})"),
        attention=read(f"{HOME}/attention.html"),
        props=write_json(props),
        module=f"{HOME}/attention.js",
    )


def name_answer(result: Result) -> str:
    """Return the answer and how likely it is; "" for a network without words."""
    top = (result.analysis.pruned or result.analysis.dense).top
    return f"{top[0][0]} {top[0][1]:.1%}" if top else ""


def list_top(name: str, outcome: Outcome) -> Html:
    """Return the likeliest classes of a pass as a table."""
    counts = " → ".join(map(str, outcome.tokens))
    rows = [row(label, f"{probability:.1%}") for label, probability in outcome.top]
    return table([f"{name}: {counts} patches", "probability"], rows)


def bundle(name: str) -> dict[str, str]:
    """Return the script `name` and all that it imports, each by its path inside `vitdemo/ui`.

    A file may load no other one from a disk, so each is its own address, and imports by path.
    """
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        text = find_scripts()[path].read_text(encoding="utf-8")
        for _, other in IMPORT.findall(text):
            waiting.append(locate(other, path))
            text = text.replace(f'"{other}";', f'"{waiting[-1]}";')
        found[path] = make_data_url(text.encode(), kind="text/javascript")
    return found


def locate(name: str, path: str) -> str:
    """Return the path inside `vitdemo/ui` of what the script at `path` calls `name`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def write_json(value: Any) -> str:
    """Return JSON that can stand inside a script's tag."""
    return json.dumps(value).replace("<", "\\u003c")
