"""Somebody who asks the port by hand: no client that would tidy up what is sent."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "gradio_api"
BATCH = 40  # events that wait at once


@dataclass
class Call:
    """An event by its number, its inputs, and what the browser says of the click."""

    event: int
    data: list[Any]
    click: Any = None


@dataclass
class Visitor:
    """One session. `events` and `components`: as the page's configuration has them, by their numbers."""

    url: str
    session: str = field(default_factory=lambda: secrets.token_hex(6))

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=120)
        self.http.get("")  # with which a browser begins: a proxy tells it by a cookie who serves it
        config = self.http.get("config").json()
        self.events = {one["id"]: one for one in config["dependencies"] if one["backend_fn"]}
        self.components = {one["id"]: one for one in config["components"]}

    def list_inputs(self, event: int) -> list[Any]:
        """Return what a page that has just opened would send."""
        return [self.find_value(part) for part in self.events[event]["inputs"]]

    def find_value(self, component: int) -> Any:
        one = self.components[component]
        return None if one["type"] == "state" else one["props"].get("value")

    def find_event(self, name: str) -> int:
        return next(number for number, event in self.events.items() if event["api_name"] == name)

    def find_started(self, name: str) -> int:
        """Return the event that a click on the component with this elem_id starts."""
        (place,) = [one["id"] for one in self.components.values() if one["props"].get("elem_id") == name]
        return next(
            number
            for number, event in self.events.items()
            if place in [target for target, _ in event["targets"]]
        )

    def ask(self, *calls: Call) -> list[str]:
        """Return the answers in full, as text."""
        answers: dict[int, str] = {}
        queued = []
        for place, call in enumerate(calls):
            if self.events[call.event]["queue"] is False:
                answers[place] = self.post("run/predict", call).text
            else:
                queued.append(place)
        for start in range(0, len(queued), BATCH):
            places = queued[start : start + BATCH]
            answers.update(self.queue({place: calls[place] for place in places}))
        return [answers[place] for place in range(len(calls))]

    def post(self, route: str, call: Call) -> httpx.Response:
        targets = self.events[call.event]["targets"]
        body = {
            "data": call.data,
            "fn_index": call.event,
            "session_hash": self.session,
            "trigger_id": targets[0][0] if targets else None,
            "event_data": call.click,
        }
        return self.http.post(
            f"{API}/{route}", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )

    def queue(self, calls: dict[int, Call]) -> dict[int, str]:
        places, answers = {}, {}
        for place, call in calls.items():
            joined = self.post("queue/join", call)
            if joined.status_code == 200:
                places[joined.json()["event_id"]] = place
            else:
                answers[place] = joined.text
        if places:
            answers.update(self.read_stream(places))
        return answers

    def read_stream(self, places: dict[str, int]) -> dict[int, str]:
        """Return place -> all that was said of its event."""
        said = dict.fromkeys(places, "")
        address = f"{API}/queue/data?session_hash={self.session}"
        with self.http.stream("GET", address) as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("event_id") in said:
                    said[message["event_id"]] += line.removeprefix("data:") + "\n"
        return {places[event]: words for event, words in said.items()}
