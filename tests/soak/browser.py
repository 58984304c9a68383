"""A user of the page, who asks what a browser asks."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx

from tests.serving.visitor import Visitor
from tests.soak.load import Load, User

ASSET = re.compile(r'(?:href|src)="\.?/?((?:assets|static|theme\.css)[^"]*)"')
FILE = re.compile(r'"path": ?"([^"]+)"')
TAB = "kept"  # elem_id in the tab that is opened


class Browser(User):
    """A visitor with a browser.

    They open the page, with its assets the first time, have a picture of their own answered, open a tab, and
    fetch all pictures. Each visit is a session, whose heartbeat goes as long.
    """

    def __init__(self, http: httpx.AsyncClient, name: str, load: Load, *, site: Visitor) -> None:
        super().__init__(http, name, load)
        self.site = site
        self.has_assets = False

    async def visit(self) -> None:
        """Open the page and look at one picture."""
        self.name = f"{self.random.getrandbits(64):x}"
        page = (await self.http.get(self.site.url)).raise_for_status().text
        if not self.has_assets:
            for address in ASSET.findall(page):
                (await self.http.get(f"{self.site.url}{address}")).raise_for_status()
            self.has_assets = True
        async with self.http.stream("GET", f"heartbeat/{self.name}"):
            image = await self.picture()
            await self.fire(self.site.find_event("answer"), image)
            text = await self.fire(self.opening(TAB), image)
        pictures = set(FILE.findall(text)) - {image["path"]}
        if not pictures:
            self.load.told[f"the tab with {TAB} has no pictures"] += 1
        for path in pictures:
            (await self.http.get(f"file={path}")).raise_for_status()

    def opening(self, part: str) -> int:
        """Return the event that fills the tab with this part when it is opened."""
        ids = {number for number, one in self.site.components.items() if one["props"].get("elem_id") == part}
        return next(
            number
            for number, event in self.site.events.items()
            if ids & set(event["outputs"]) and event["targets"][0][1] == "select"
        )

    async def fire(self, event: int, image: dict[str, Any]) -> str:
        """Return what the page is told of it; "" after an error or a refusal, which is counted."""
        begin, name = time.monotonic(), self.site.events[event]["api_name"]
        pictured = [
            image if isinstance(one, dict) and "path" in one else one for one in self.site.list_inputs(event)
        ]
        body = {"data": pictured, "fn_index": event, "session_hash": self.name}
        joined = await self.http.post("queue/join", json=body)
        if joined.status_code != 200:
            self.load.told[joined.json()["detail"]] += 1
            return ""
        text = await self.hear(joined.json()["event_id"])
        if '"success":true' not in text.replace(" ", ""):
            self.load.told[text[:200]] += 1
            return ""
        self.load.answer(name, since=begin)
        return text

    async def hear(self, event: str) -> str:
        """Return the last message about it."""
        async with self.http.stream("GET", "queue/data", params={"session_hash": self.name}) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("event_id") == event and message["msg"] == "process_completed":
                    return line
        return ""
