"""A Message is its English text, and keeps what it was made of."""

import copy
import pickle

from vitdemo.message import LONGEST, Message
from vitdemo.weights import WeightsError


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


def test_what_a_stranger_has_written_is_shortened() -> None:
    for letters in (LONGEST, LONGEST + 1, 3_000_000):
        said = Message("{name} is not known", name="x" * letters)
        assert len(said) == LONGEST + len(" is not known")
        assert ("…" in said) == (letters > LONGEST)
        assert pickle.loads(pickle.dumps(said)) == said
    assert len(str(WeightsError(f"config.json: model_type {'y' * 3_000_000!r} is not known"))) == LONGEST
    assert str(WeightsError(said)) == said
    whole = Message("{error}.", error=Message("{one} {other}", one="x" * LONGEST, other="y" * LONGEST))
    assert len(whole) == 2 * LONGEST + 2, "a sentence in a sentence is left as it is"
