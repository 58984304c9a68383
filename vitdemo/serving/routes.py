"""The addresses that exist: what the page and its public endpoints need.

gradio has more, which stay shut: fetching from other servers, monitoring, recordings, an editor of the
program.
"""

from __future__ import annotations

import re

API = "/gradio_api/"
OPEN = re.compile(
    "|".join(
        (
            r"/|/config/?|/(assets|static|svelte|module)/.+",
            r"/(theme\.css|favicon\.ico|manifest\.json|robots\.txt|preview\.jpg|code\.zip)",
            r"/(login|logout)/?|/health|/ready",
            rf"{API}(call|run|api)/(v2/)?\w+(/\w+)?/?",
            rf"{API}queue/(join|data)|{API}(cancel|reset)/?|{API}heartbeat/[\w-]+",
            rf"{API}(file=.+|upload/?|upload_progress)",
            rf"{API}(info|openapi\.json|startup-events|app_id|user|login_check|theme\.css)/?|{API}mcp(/.*)?",
        )
    )
)
# What asks for a name and a password, what that is made of, and by what gradio sees that it has started.
ENTRANCE = re.compile(
    r"/(login|logout)/?|/health|/ready|/(assets|static|svelte)/.+"
    rf"|/(theme\.css|favicon\.ico|manifest\.json|robots\.txt|preview\.jpg)|{API}startup-events"
)
FILE = f"{API}file="
ASSET = re.compile(r"(/(?:assets|static|svelte|module)/).+")
UPLOAD = f"{API}upload"
MCP = f"{API}mcp"
BULKY = (UPLOAD, MCP)  # which bring pictures
ENDLESS = (f"{API}heartbeat/", MCP)  # may last as long as somebody listens
LASTING = (*ENDLESS, UPLOAD)  # for which an app that is told to stop does not wait: uploads would go with it
# Not worth a line in the log.
STILL = ("/assets/", "/static/", "/svelte/", "/module/", "/health", "/ready", *ENDLESS)
JOB = re.compile(r"(/call/(?:v2/)?(?!v2/)\w+/)\w+")


def is_open(path: str) -> bool:
    return OPEN.fullmatch(path) is not None


def is_before_login(path: str) -> bool:
    """Return whether visitors who have not logged in may see it."""
    return ENTRANCE.fullmatch(path) is not None


def name_route(path: str) -> str:
    """Return what the log calls an address, without names of files, of jobs and of what does not exist."""
    if not is_open(path):
        return "unknown"
    return FILE if path.startswith(FILE) else ASSET.sub(r"\1", JOB.sub(r"\1", path))
