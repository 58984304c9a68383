"""Two languages: whose turn it is, a complete catalogue without dead entries, and what the engine says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest
from gradio.context import LocalContext
from gradio.i18n import I18nData
from httpx2 import Request as WebRequest
from httpx2 import Response
from huggingface_hub import errors
from PIL import Image

from tests.engine.bundle import draw_picture, write_models
from tests.ui import catalogue
from tests.ui.tabs.test_inside import make_card
from vitdemo.decode import BadImage, decode
from vitdemo.engine import Analysis, Engine, Request
from vitdemo.message import Message
from vitdemo.registry import MODELS
from vitdemo.ui import build
from vitdemo.ui.kit import words as text
from vitdemo.ui.kit.components import list_networks
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.language import find_catalogues, find_language, read_chinese, say, say_both, translate
from vitdemo.ui.tabs.inside import costs
from vitdemo.weights import WeightsError, load_model
from vitdemo.weights.refusals import explain_error

CJK = re.compile(r"[\u4e00-\u9fff]")
GAP = re.compile(r"\{(\w+)\}")


@contextmanager
def make_visitor(wanted: str | None) -> Iterator[None]:
    """Return someone whose browser sends this Accept-Language; None: it sends none."""
    headers = {} if wanted is None else {"accept-language": wanted}
    token = LocalContext.request.set(gr.Request(headers=headers))
    yield
    LocalContext.request.reset(token)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("zh-cn;q=1.0", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("zh-HK,zh;q=0.9", "en"),  # gradio's own words would be English
        ("de-DE", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_first_language_of_the_browser_counts(wanted: str | None, expected: str) -> None:
    with make_visitor(wanted):
        assert find_language() == expected
        assert bool(CJK.search(say("Prediction"))) == (expected == "zh")
    assert find_language() == "en", "outside of a request"


def test_gaps_are_filled_and_braces_in_them_stay() -> None:
    with make_visitor("zh-CN"):
        assert say("The answer is now {answer}.", answer="{x} $y") == "答案变为 {x} $y。"
        assert say("no such key {gap}", gap=3) == "no such key 3"
    assert say("The answer is now {answer}.", answer="cat") == "The answer is now cat."
    assert say_both({"a": "Prediction"}) == {
        "en": {"a": "Prediction"},
        "zh": {"a": read_chinese()["Prediction"]},
    }


def test_the_page_asks_for_nothing_that_is_not_there() -> None:
    missing = {path.name: catalogue.find_asked(path) - read_chinese().keys() for path in catalogue.UI}
    assert {name: words for name, words in missing.items() if words} == {}
    assert sum(len(catalogue.find_asked(path)) for path in catalogue.UI) > 250  # the search finds them at all


@pytest.mark.parametrize("path", find_catalogues(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_entry_is_used_and_fits(path: Path) -> None:
    entries = json.loads(path.read_text(encoding="utf-8"))
    used = catalogue.find_messages() if path.stem == "engine" else catalogue.find_written()
    assert not entries.keys() - used
    for key, words in entries.items():
        assert read_chinese()[key] == words, f"{key}: two files say different things"
        assert sorted(GAP.findall(key)) == sorted(GAP.findall(words)), key
        assert "\n" not in words
        assert words.strip() or not key.strip()


def test_the_engine_says_nothing_that_is_not_there() -> None:
    assert catalogue.find_messages() - read_chinese().keys() == set()
    assert "{name} is empty (0 bytes)." in catalogue.find_messages()
    assert len(catalogue.find_messages()) > 100  # the search finds them at all


def test_labels_suit_gradio_and_no_value_is_taken_for_one() -> None:
    """Gradio reads a marked key up to its first brace, and translates any value that happens to be a key."""
    markers, pattern = 0, re.compile(r'__i18n__(\{"__type__": "translation_metadata", "key": "[^{}]*?"\})')
    for component in build(Engine(device="cpu")).get_config_file()["components"]:
        props = component["props"]
        for value in (props.get(name) for name in ("value", "label", "info", "placeholder", "alt_text")):
            if isinstance(value, (str, I18nData)):
                found = pattern.findall(str(value))
                markers += len(found)
                assert str(value).count("__i18n__") == len(found) <= 1, value
                assert {json.loads(one)["key"] for one in found} <= read_chinese().keys()
        assert not isinstance(props.get("value"), str) or props["value"] not in read_chinese(), props["value"]
    assert markers > 60


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Analysis]:
    engine = Engine(device="cpu", models_dir=write_models(tmp_path_factory.mktemp("models")))
    return engine, engine.open(Request(draw_picture(), engine.default_model, 0.5)).analysis


def test_what_the_engine_says_of_a_picture(analysed: tuple[Engine, Analysis]) -> None:
    engine, analysis = analysed
    heard: list[str] = []

    def hear(share: float, words: str) -> None:
        heard.append(words)

    results = [engine.recall(analysis.key, progress=hear)]
    results[0].inside.ablation("pruned")
    results[0].trust()
    for selector in ("class-attention", "random"):
        results.append(
            engine.open(Request(draw_picture(), engine.default_model, 0.5, selector), progress=hear)
        )
    for model in ("vit_cifar10", "lightvit_cifar10"):
        results.append(engine.open(Request(draw_picture(), model, 0.0), progress=hear))
    for result in results:
        heard += [words for step in result.inside.walk() for words in (step.title, step.text)]
        heard += [caption for _, caption in (*result.tokens.kept_figures(), *result.tokens.score_figures())]
    heard += [engine.info(model).summary for model in MODELS]
    names = ("Hugging Face Hub", *(engine.info(model).title for model in MODELS))
    with make_visitor("zh-CN"):
        for words in heard:
            assert CJK.search(translate(words)), words
            assert not catalogue.find_english(translate(words), allowed=names), translate(words)
    assert translate(heard[0]) == heard[0], "English for all others"


def test_what_a_visitor_may_have_done_wrong(tmp_path: Path) -> None:
    (tmp_path / "notes {1}.png").write_bytes(b"hello")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.new("L", (600, 2)).save(tmp_path / "long.png")
    Image.new("L", (8001, 8001)).save(tmp_path / "large.png")
    Image.effect_noise((64, 64), 50).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for path in (*tmp_path.iterdir(), tmp_path / "gone.png"):
        with pytest.raises(BadImage) as caught:
            decode(path)
        expect_chinese(caught.value, path.name)
    with pytest.raises(ValueError, match="pruning_ratio") as wrong:
        Request("x", pruning_ratio=0.95)
    expect_chinese(wrong.value, "0.95")


def test_what_may_be_wrong_with_the_hub() -> None:
    response = Response(404, request=WebRequest("GET", "http://hub"))
    wanted = {"repo": "owner/repo", "revision": "main", "file": "model.safetensors"}
    for kind in (
        errors.GatedRepoError,
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.RemoteEntryNotFoundError,
        errors.HfHubHTTPError,
    ):
        expect_chinese(explain_error(kind("x", response=response), **wanted), "owner/repo")
    for error in (errors.OfflineModeIsEnabled("x"), OSError(28, "x"), OSError(30, "x"), OSError("x")):
        expect_chinese(explain_error(error, **wanted), "owner/repo")
    expect_chinese(explain_error(TimeoutError("x"), **wanted), "owner/repo")


def test_what_may_be_wrong_with_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded() -> Exception:
        with pytest.raises(WeightsError) as caught:
            load_model("vit_cifar10", models_dir=tmp_path)
        return caught.value

    folder = tmp_path / "vit_cifar10"
    expect_chinese(loaded(), "vit_cifar10")
    write_models(tmp_path)
    (folder / "model.safetensors").write_bytes(b"{}")
    expect_chinese(loaded(), "vit_cifar10")
    (folder / "model.safetensors").unlink()
    expect_chinese(loaded(), "vit_cifar10")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refuse)
        expect_chinese(loaded(), "vit_cifar10")


def refuse(*_: object, **__: object) -> str:
    raise PermissionError(13, "Permission denied")


def test_a_message_within_a_message_is_translated_and_other_words_are_not() -> None:
    cause = Message("The Hub could not be reached; check the connection, or try again later")
    note = Message("{error}; cached files of revision {revision} are in use", error=cause, revision="1f")
    assert note == f"{cause}; cached files of revision 1f are in use"
    with make_visitor("zh-CN"):
        assert translate(note) == "无法连接 Hub；请检查网络连接，或稍后再试。正在使用版本 1f 的缓存文件。"
        assert translate(Message("{name} has no pixels.", name="Measuring {x}")) == "Measuring {x} 没有像素。"
        assert translate("Measuring") == "Measuring", "no Message"


def expect_chinese(error: Exception, name: str) -> None:
    """The visitor's sentence is Chinese, ends as one, and keeps the name."""
    with make_visitor("zh-CN"), pytest.raises(gr.Error) as shown, tell_errors():
        raise error
    assert name in re.sub(r"&#(\d+);", lambda code: chr(int(code[1])), shown.value.message)
    assert shown.value.message.endswith("。")
    assert not catalogue.find_english(
        shown.value.message, allowed=("such as pytorch_model.bin", "Permission denied")
    )


def test_the_menu_is_in_the_visitors_language() -> None:
    key = "dynamicvit_photo"
    with make_visitor("zh-CN"):
        titles = {key: title for title, key in list_networks(Engine(device="cpu"))}
        assert titles[key] == "DynamicViT · 十二种日常事物"
        assert titles["deit_tiny"].startswith("DeiT-Tiny · ImageNet")


def test_tables_of_numbers_speak_chinese() -> None:
    with make_visitor("zh-CN"):
        shown = costs.write_speed(make_card(7.0, 8.0, 8.5, pruning_from=64))
        assert text.percent(0.5) == "50.0%"
    plain = re.sub(r"<[^>]*>", " · ", shown)
    assert "使用可学习预测器剪枝：乘加次数减少 33%，在本机上快 20%。" in plain
    assert not catalogue.find_english(plain)
