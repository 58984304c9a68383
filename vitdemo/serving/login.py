"""The login that `VITDEMO_AUTH` asks for: what stands open before it, the brake on guesses, and its end."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from gradio.route_utils import get_root_url
from gradio.routes import App, templates
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from vitdemo.serving.routes import is_before_login
from vitdemo.serving.sentences import SENTENCES, refuse

MINUTE = 60.0  # seconds
TRIES = "There were too many wrong passwords; please try again in a minute."


class Login:
    """Who has logged in to `app`, and who guesses: `tries` wrong passwords a client and minute."""

    def __init__(self, app: App, *, tries: int) -> None:
        self._app, self._tries = app, tries
        self._wrong: dict[str, list[float]] = {}

    def refuse(self, scope: Scope) -> Response | None:
        """Return the answer to who may not come in, or guesses too often; None where nobody need log in."""
        if self._app.auth is None:
            return None
        if is_a_try(scope):
            return self._brake(scope["client"][0])
        if is_before_login(scope["path"]) or self.knows(scope):
            return None
        return (
            self.show_form(scope) if scope["path"] == "/" else refuse(401, SENTENCES[HTTPStatus.UNAUTHORIZED])
        )

    def forgive(self, scope: Scope) -> None:
        """Forget the wrong tries of a client who has now given the right password."""
        if is_a_try(scope):
            self._wrong.pop(scope["client"][0], None)

    def knows(self, scope: Scope) -> bool:
        """Return whether the request brings the token of somebody who has logged in."""
        cookies = Request(scope).cookies
        return any(cookies.get(name) in self._app.tokens for name in self._cookie_names())

    def show_form(self, scope: Scope) -> Response:
        """Return gradio's page that asks for user and password, and nothing of what lies behind."""
        request = Request(scope)
        root = get_root_url(request, route_path="/", root_path=self._app.root_path)  # type: ignore[arg-type]
        config: dict[str, Any] = {"auth_required": True, "auth_message": None, "space_id": None, "root": root}
        config |= {"page": {"": {"layout": {}}}, "pages": [""], "current_page": ""}
        config |= {"components": [], "dependencies": []}
        context = {"base_url": "./", "config": config, "gradio_api_info": {}}
        return templates.TemplateResponse(request, "frontend/index.html", context)

    def _brake(self, client: str) -> Response | None:
        """Refuse a client who has guessed too often; else count this as a wrong try until it is `heard`."""
        now = time.monotonic()
        recent = {name: [at for at in times if now - at < MINUTE] for name, times in self._wrong.items()}
        self._wrong = {name: times for name, times in recent.items() if times}
        wrong = self._wrong.setdefault(client, [])
        if len(wrong) >= self._tries:
            return refuse(429, TRIES, **{"Retry-After": f"{MINUTE:g}"})
        wrong.append(now)
        return None

    async def log_out(self, request: Request) -> Response:
        """End this session of the user, not those on other machines, as gradio would."""
        root = get_root_url(request, route_path="/logout", root_path=self._app.root_path)  # type: ignore[arg-type]
        response = RedirectResponse(root, 302)
        for name in self._cookie_names():
            self._app.tokens.pop(request.cookies.get(name, ""), None)
            response.delete_cookie(name, path="/")
        return response

    def _cookie_names(self) -> tuple[str, str]:
        """Return the names of the cookies that hold a token."""
        return f"access-token-{self._app.cookie_id}", f"access-token-unsecure-{self._app.cookie_id}"


def is_a_try(scope: Scope) -> bool:
    """Return whether the request brings a password."""
    return scope["path"].rstrip("/") == "/login" and scope["method"] == "POST"
