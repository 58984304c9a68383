"""What each patch is like to the network. The browser draws by itself, and asks for one layer at a time."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import QUIET
from vitdemo.ui.kit.features.view import build_view
from vitdemo.ui.kit.features.words import TAB, WORDS
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, say_both
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take


def build(session: Session) -> None:
    """Build the tab, filled when it is seen. A visitor may keep one result beside those that come."""
    with gr.Tab(label(TAB), elem_id="tab-features") as tab:
        kept = gr.State(None)  # the key of that result
        features = build_view(session, kept, words=say_both(WORDS), elem_id="features")

        def draw(values: Values, report: Progress) -> Values:
            return {features: session.open(values, report).features()}

        session.follow(Part(draw, [features]), tab)

    def keep(values: Values, event: gr.EventData) -> str | None:
        key = values[session.key]
        return key if key and key.startswith(take(event, "id", str)) else values[kept]

    features.keep(keep, {session.key, kept}, kept, **QUIET)
