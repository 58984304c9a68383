"""Errors as one sentence for the visitor."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from vitdemo.message import Message, shorten
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.visit import Unwanted
from vitdemo.ui.kit.words import CRASHED, FULL, MISTAKEN, end_sentence


@contextmanager
def tell_errors(*, html: bool = True) -> Iterator[None]:
    """Turn errors into one sentence for the visitor. What was not foreseen goes to the log as well.

    `html`: the page shows it, and the sentence may hold the visitor's own words; False for other programs.
    """
    try:
        yield
    except gr.Error:
        raise
    except Unwanted:
        raise gr.Error("", visible=False, print_exception=False) from None
    except ValueError as error:
        words = explain(error)
        raise gr.Error(Html.escape(words) if html else words, print_exception=False) from None
    except Exception as error:
        raise log_unforeseen(error) from None


def explain(error: ValueError) -> str:
    """Return what the engine has to say, in the visitor's language; of what it quotes at most so much."""
    return end_sentence(shorten(translate(error)))


def make_mistaken() -> gr.Error:
    """Return the sentence for values that this page never sends."""
    return gr.Error(say(MISTAKEN), print_exception=False)


def log_unforeseen(error: Exception) -> gr.Error:
    """Return the sentence for an error that nobody has foreseen, and log it."""
    logging.getLogger(__name__).error("an event of the page failed", exc_info=error)
    return gr.Error(say(FULL if is_full(error) else CRASHED), print_exception=False)


def tell_sentence(error: Exception) -> gr.Error | None:
    """Return what the engine has to say by an `error`, for the page; None where nobody has foreseen it."""
    if not (isinstance(error, ValueError) and error.args and isinstance(error.args[0], Message)):
        return None
    return gr.Error(Html.escape(explain(error)), print_exception=False)


def is_full(error: Exception) -> bool:
    """Return whether `error` says that the disk is full, or the share of it that we may use."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
