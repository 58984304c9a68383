"""A Message is its English text, and keeps what it was made of."""

import copy
import pickle

from vitdemo.message import Message


def test_it_is_the_finished_text() -> None:
    said = Message("{count} of {whole} patches", count=3, whole="{x}")
    assert said == "3 of {x} patches"
    assert f"{said}." == "3 of {x} patches."
    assert (said.template, said.gaps) == ("{count} of {whole} patches", {"count": 3, "whole": "{x}"})
    assert Message("Done") == "Done"


def test_a_copy_is_one_too() -> None:
    said = Message("{name} is empty (0 bytes).", name="{x}")
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert isinstance(again, Message)
        assert (again, again.template, again.gaps) == (said, said.template, said.gaps)
