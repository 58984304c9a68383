"""Names of classes: English to the network, Chinese to a visitor who reads Chinese."""

from __future__ import annotations

from tests.ui.kit.test_language import make_visitor
from vitdemo.ui.kit.html import tag
from vitdemo.ui.kit.language import english, read_class_names, say, translate, word
from vitdemo.weights import list_models, load_model


def test_every_word_of_a_bundled_network_has_one_chinese_name() -> None:
    names = read_class_names()
    assert len(set(names.values())) == len(names), "a click on a name must lead back to its class"
    bundled = [key for key, spec in list_models().items() if spec.source == "bundled"]
    known = {name for key in bundled for name in load_model(key).classes}
    assert known <= names.keys()
    with make_visitor("zh-CN"):
        assert "猫" in say("What speaks for {label}", label="cat")
        assert translate("English springer") == word("English springer") == "英国史宾格犬"
        assert english(word("golf ball")) == "golf ball"
        assert tag("td", "cat", data_example="cat") == '<td data-example="cat">猫</td>'
        assert word("an unknown word") == "an unknown word"
    assert word("cat") == "cat"
