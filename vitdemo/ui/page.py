"""The page as gradio's `Blocks`, and the one door that every event passes, public or hidden."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from vitdemo.limits import Limits
from vitdemo.message import SPOKEN, shorten
from vitdemo.ui.kit.errors import log_unforeseen, make_mistaken, tell_sentence
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.received import find_paths, is_sound, is_uploaded
from vitdemo.ui.kit.told import Told, check_input
from vitdemo.ui.kit.words import FOREIGN, MANY_FILES, end_sentence

LOG = logging.getLogger(__name__)


class Page(gr.Blocks):
    """A page that answers all that goes wrong with one sentence that names no path.

    It takes files only from gradio's upload folder. gradio itself looks at a path only where the client says
    that it is one, and tells of paths in its errors.
    """

    def __init__(self, *, limits: Limits, **options: Any) -> None:
        """Build an empty page. `options`: of `gr.Blocks`."""
        super().__init__(**options)
        self.limits = limits
        self.running = 0  # events
        self.is_lost: Callable[[Values], bool] = lambda states: False  # see `has_lost`
        self.offered: set[Any] = set()  # if read-only: the pictures that the page has put to its visitors

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> Any:
        """Run an event, as gradio does. Raise nothing but `gr.Error`, which gradio does not print.

        Its traceback on the log would quote the visitor.
        """
        request = options.get("request")
        batched = isinstance(request, list)  # several visitors at once, which no event of this page takes
        LocalContext.request.set(None if batched else request)  # whose language counts
        SPOKEN.set(translate)  # in pictures too
        facts, began = {"event": block_fn.api_name, "status": 200}, time.monotonic()
        self.running += 1
        try:
            if (event := options.get("event_data")) is not None:
                event._data = Told(event._data if isinstance(event._data, dict) else {})
            if batched or not is_sound(getattr(event, "_data", None)):
                raise make_mistaken()
            return await super().process_api(block_fn, inputs, *args, **options)
        except gr.Error as error:
            facts["status"], error.print_exception = 400, False
            raise
        except Exception as error:
            told = tell_sentence(error)
            facts["status"] = 400 if told else 500
            raise (told or log_unforeseen(error)) from None
        finally:
            self.running -= 1
            facts["milliseconds"] = round(1000 * (time.monotonic() - began))
            LOG.info("event", extra={"facts": facts})

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> Any:
        """Return the handler's arguments from those of the request, as gradio does.

        What a public one leaves out at the end is as by default. Raise `gr.Error` as well for values that no
        page sends, and for a file that `may_use` refuses: always the same.
        """
        try:
            paths = list(find_paths(inputs))
            if len(paths) > self.limits.request_pictures:
                words = say(MANY_FILES, limit=self.limits.request_pictures)
                raise gr.Error(words, print_exception=False)
            if not all(map(self.may_use, paths)):
                raise gr.Error(say(FOREIGN), print_exception=False)
            if block_fn.api_visibility != "public" and not is_sound(inputs):  # a public one names the number
                raise make_mistaken()
            if (
                block_fn.api_visibility == "public"
            ):  # a program may know fewer parameters than there are by now
                inputs = [*inputs, *(block.value for block in block_fn.inputs[len(inputs) :])]
            return await self.read_inputs(block_fn, inputs, state, explicit_call)
        except (gr.Error, OSError):
            raise
        except Exception:
            raise make_mistaken() from None

    async def read_inputs(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool) -> Any:
        """Return the arguments, each of a kind that its component has; gradio may not quote at length."""
        try:
            values = await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            words = end_sentence(" ".join(shorten(error.message).split()))
            raise gr.Error(Html.escape(words), print_exception=False) from None
        for block, value in zip(block_fn.inputs, values, strict=True):
            check_input(block, value)
        return values

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Return what the browser is told, as gradio does.

        In a read-only page note the pictures among it, which may then come back.
        """
        told = await super().postprocess_data(block_fn, predictions, state)
        if self.limits.read_only:
            for block, value in zip(block_fn.outputs, told, strict=True):
                if isinstance(block, Upload):
                    self.offered.update(find_paths(value))
        return told

    def has_lost(self, session: str | None) -> bool:
        """Return whether the result that a session shows is no longer in memory.

        `is_lost` finds it among the session's states.
        """
        known = self.state_holder.session_data.get(session or "")
        return known is not None and self.is_lost(known.state_data)

    def forget_files(self) -> None:
        """Empty gradio's lists of all files that came or were made; it never does, and nothing reads them."""
        for paths in self.temp_file_sets:
            paths.clear()

    def may_use(self, path: Any) -> bool:
        """Return whether a visitor may have the file analysed; its time on the disk then begins anew.

        In a read-only page the page itself must have offered it.
        """
        if not is_uploaded(path) or (
            self.limits.read_only and path not in self.offered.union(self.list_first())
        ):
            return False
        with suppress(OSError):  # deleted just now: the handler will say so
            os.utime(path)
        return True

    def list_first(self) -> Iterator[Any]:
        """Yield the paths of pictures that the page shows when it opens."""
        return find_paths([block.value for block in self.blocks.values() if isinstance(block, Upload)])
