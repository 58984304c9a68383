"""Teachers: what a finished run says of each picture, as probabilities at the distillation's temperature."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from train.checkpoint import save_tensors
from train.data import Pictures, digest
from train.network import build_network
from train.resnet import ResNet9, ResNetConfig
from vitdemo.files import write_atomically
from vitdemo.kinds import from_json, to_json

Soft = Float[Tensor, "b c"]
ANSWERS = "answers.safetensors"  # logits of every training picture and its mirror image


class Live:
    """Asks the network about the very batch that the student sees, after it was augmented and mixed."""

    def __init__(self, network: nn.Module, *, temperature: float) -> None:
        self.network, self.temperature = network.requires_grad_(False).eval(), temperature

    def look_up(self, rows: Int[Tensor, "b"], mirrored: Bool[Tensor, "b"]) -> Soft | None:
        return None

    @torch.no_grad()
    def answer(self, x: Float[Tensor, "b ch hh ww"]) -> Soft | None:
        return (self.network(x).float() / self.temperature).softmax(dim=-1)


class Cached:
    """Asked the network once about each training picture and its mirror image; costs a step nothing.

    Crops and other small changes of a picture are answered as the whole picture was.
    """

    def __init__(
        self, network: nn.Module, split: Pictures, *, temperature: float, file: Path | None = None
    ) -> None:
        """Keep the answers in `file` for the next student of this network with these very pictures."""
        question = digest(split.fingerprint(), *network.state_dict().values()) if file else ""
        logits = load_answers(file, question) if file else None
        if logits is None:
            logits = ask_all(network.requires_grad_(False).eval(), split)
            if file:
                save_tensors(file, {"logits": logits}, metadata={"question": question})
        logits = logits.to(split.labels.device)
        self.probabilities = (logits / temperature).softmax(dim=-1)

    def look_up(self, rows: Int[Tensor, "b"], mirrored: Bool[Tensor, "b"]) -> Soft | None:
        return self.probabilities[mirrored.long(), rows]

    def answer(self, x: Float[Tensor, "b ch hh ww"]) -> Soft | None:
        return None


Teacher = Live | Cached  # `look_up` answers before the batch is mixed, `answer` after; the other says None


def load_answers(file: Path, question: str) -> Float[Tensor, "two n c"] | None:
    """Return the answers in `file`, or None where there are none to this question.

    Other pictures, another way to show them, and another teacher are other questions.
    """
    with suppress(OSError, SafetensorError), safe_open(file, "pt") as answers:
        if (answers.metadata() or {}).get("question") == question:
            return answers.get_tensor("logits")
    return None


@torch.no_grad()
def ask_all(network: nn.Module, split: Pictures) -> Float[Tensor, "two n c"]:
    """Return logits of every picture (0) and of its mirror image (1)."""
    halves: tuple[list[Tensor], list[Tensor]] = ([], [])
    for x in split.batches():
        for out, pictures in zip(halves, (x, x.flip(-1)), strict=True):
            out.append(network(pictures).float())
    return torch.stack([torch.cat(out) for out in halves])


def save_teacher(folder: Path, *, model: ResNet9, accuracy: float, seconds: float) -> None:
    """Write the finished teacher, `teacher.safetensors` and `teacher.json`, into its run's folder."""
    save_tensors(folder / "teacher.safetensors", model.state_dict())
    facts = {
        "model": to_json(model.config),
        "validation_accuracy": round(accuracy, 2),
        "seconds": round(seconds),
    }
    write_atomically(folder / "teacher.json", json.dumps(facts, indent=1) + "\n")


def has_teacher(folder: Path) -> bool:
    """Return whether a finished run has left a teacher in `folder`."""
    return (folder / "teacher.json").is_file()


def load_teacher(folder: Path) -> tuple[ResNet9, dict[str, float]]:
    """Return the network that a finished run left in `folder`, and its facts.

    Raise ValueError where there is none.
    """
    if not has_teacher(folder):
        raise ValueError(f"no teacher in {folder}: train it first, with its own recipe")
    facts = json.loads((folder / "teacher.json").read_text(encoding="utf-8"))
    model = build_network(from_json(ResNetConfig, facts.pop("model")))
    assert isinstance(model, ResNet9)
    model.load_state_dict(load_file(folder / "teacher.safetensors"))
    return model.eval(), facts
