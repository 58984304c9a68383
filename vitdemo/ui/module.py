"""Components that live in the browser: markup and a JavaScript module from static/."""

from __future__ import annotations

import hashlib
from typing import Any

import gradio as gr

from vitdemo.ui.parts import STATIC

MODULES = "/module"  # where the server gives out static/
LOADER = """(async () => {
  const { mount } = await import(new URL(props.module_url, document.baseURI).href);
  mount({ element, trigger, props, watch });
})();"""


def module(name: str, *, event: str = "", **props: Any) -> gr.HTML:
    """static/NAME.html, brought to life by `mount` of static/NAME.js, which finds `props` in its own.

    `event`: what it triggers; the component has a listener of that name.
    """
    return gr.HTML(
        html_template=(STATIC / f"{name}.html").read_text(encoding="utf-8"),
        js_on_load=f'{LOADER}  // triggers "{event}"' if event else LOADER,  # gradio looks for the name there
        apply_default_css=False,
        padding=False,
        module_url=module_url(name),
        **props,
    )


def module_url(name: str) -> str:
    """Where the browser gets static/NAME.js, relative to the page; another address whenever it, or a part of
    it (NAME-*.js), changes."""
    digest = hashlib.sha256()
    for path in sorted([*STATIC.glob(f"{name}.js"), *STATIC.glob(f"{name}-*.js")]):
        digest.update(path.read_bytes())
    return f"{MODULES[1:]}/{name}.js?v={digest.hexdigest()[:12]}"
