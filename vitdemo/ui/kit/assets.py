"""The files that lie beside the code: every room brings its own styles, markup and scripts.

A name is the path inside `vitdemo/ui` without its ending, such as "sidebar/link".
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

ROOMS = Path(__file__).parents[1]
MODULES = "/module"  # where the server gives out `scripts`, in a folder of their version
LOADER = """(async () => {
  const { mount } = await import(new URL(props.module_url, document.baseURI).href);
  mount({ element, trigger, props, watch });
})();"""


def read(name: str) -> str:
    """Return the text of a file, by its path inside `vitdemo/ui`."""
    return (ROOMS / name).read_text(encoding="utf-8")


def read_styles() -> str:
    """Return the style sheets of all rooms as one."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOMS.rglob("style.css")))


@cache
def find_scripts() -> dict[str, Path]:
    """Return the scripts of all rooms by their path inside `vitdemo/ui`."""
    return {path.relative_to(ROOMS).as_posix(): path for path in sorted(ROOMS.rglob("*.js"))}


@cache
def hash_scripts() -> str:
    """Return what changes whenever a script does: no browser may mix old and new modules."""
    digest = hashlib.sha256()
    for path in find_scripts().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def locate_module(name: str) -> str:
    """Return where the browser gets NAME.js, relative to the page."""
    return f"{MODULES[1:]}/{hash_scripts()}/{name}.js"


def build_module(name: str, *, event: str = "", **props: Any) -> gr.HTML:
    """Return NAME.html, brought to life by `mount` of NAME.js, which finds `props` in its own.

    `event`: what it triggers, the component has a listener of that name; several with spaces between.
    """
    return gr.HTML(
        html_template=read(f"{name}.html"),
        js_on_load=f"{LOADER}  // triggers {json.dumps(event.split())}",  # gradio looks for the names there
        apply_default_css=False,
        padding=False,
        module_url=locate_module(name),
        **props,
    )
