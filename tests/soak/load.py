"""Users of the endpoints, each with pictures of their own, and what they saw."""

from __future__ import annotations

import io
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image

MODELS = ("dynamicvit_cifar10", "vit_cifar10")
LOOK = ("attention-rollout", -1, -1, "mean", 0.0, None, "out", "pruned")  # the endpoint's, from `method` on


@dataclass
class Load:
    """What users saw.

    `seconds`: of each answer. `answered`: how many of each endpoint or event. `told`: the errors and
    refusals, and how often.
    """

    seconds: list[float] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)

    def answer(self, endpoint: str, *, since: float) -> None:
        """Count one that was asked for at that time of the monotonic clock."""
        self.seconds.append(time.monotonic() - since)
        self.answered[endpoint] += 1

    def percentiles(self) -> dict[str, float]:
        values = np.percentile(self.seconds, (50, 95, 99)) * 1000
        return {f"p{name}_ms": round(float(one), 1) for name, one in zip((50, 95, 99), values, strict=True)}


def draw_upload(seed: int) -> bytes:
    """Return a picture that nobody else has, as PNG."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


class User:
    """A program with a session, or without one (`name` is "")."""

    def __init__(self, http: httpx.AsyncClient, name: str, load: Load) -> None:
        self.http, self.name, self.load = http, name, load
        self.random = random.Random(name)

    async def picture(self) -> dict[str, Any]:
        """Return a new one, uploaded."""
        seed = self.random.randrange(2**32)
        answer = await self.http.post("upload", files={"files": (f"{seed}.png", draw_upload(seed))})
        (path,) = answer.raise_for_status().json()
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    async def join(self, endpoint: str, values: list[Any]) -> httpx.Response:
        body = {"data": values, **({"session_hash": self.name} if self.name else {})}
        return await self.http.post(f"call/{endpoint}", json=body)

    async def ask(self, endpoint: str, *values: Any) -> str:
        """Return the text of the answer; "" after an error or a refusal, which is counted."""
        begin = time.monotonic()
        joined = await self.join(endpoint, list(values))
        if joined.status_code != 200:
            self.load.told[joined.json()["detail"]] += 1
            return ""
        text = (await self.http.get(f"call/{endpoint}/{joined.json()['event_id']}")).text
        if "event: complete" not in text:
            self.load.told[text[:200]] += 1
            return ""
        self.load.answer(endpoint, since=begin)
        return text

    async def visit(self) -> None:
        """A picture analysed, and one question about it or about the models."""
        image, model = await self.picture(), self.random.choice(MODELS)
        ratio = self.random.choice((0.0, 0.3, 0.5))
        await self.ask("analyse", image, model, ratio, "")
        question = self.random.choice(("attention_map", "class_map", "models"))
        about = {
            "attention_map": (image, model, ratio, "", *LOOK),
            "class_map": (image, model, ratio, "", "", "gradient-rollout"),
        }
        await self.ask(question, *about.get(question, ()))
