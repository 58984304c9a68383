"""The options of the app, from the command line or the environment."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitdemo.limits import DEFAULTS, Limits
from vitdemo.serving.proxies import make_proxies

PREFIX = "VITDEMO_"


@dataclass(frozen=True)
class Options:
    """How the app is started.

    `login`: user and password, where one must log in. `models`: networks that are in the menu besides.
    `alone`: whoever opens the page is who starts the app.
    """

    limits: Limits = DEFAULTS
    host: str | None = None
    port: int | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    login: tuple[str, str] | None = None
    device: str = "auto"
    share: bool = False
    models_dir: Path | None = None
    models: tuple[str, ...] = ()
    alone: bool = False
    data: Path = Path("data")
    mcp: bool = False


def parse(words: list[str] | None = None) -> Options:
    """Return the options in `words`, or else on the command line.

    End the program with one sentence for one that makes no sense. Without host, port or MCP gradio looks
    for GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and GRADIO_MCP_SERVER.
    """
    parser = argparse.ArgumentParser(
        description="The demo: a page that shows how Vision Transformers see.",
        epilog=f"The environment may say limits, models, hosts and origins as well: "
        f"{name_variable('hosts')} for --hosts, {name_variable('models')}=A,B for --model A --model B. "
        f"With {name_variable('auth')}=user:password visitors must log in.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_start(parser)
    add_limits(parser)
    given = vars(parser.parse_args(words))
    given["models"] = tuple(given["models"] or split_list(os.environ.get(name_variable("models"), "")))
    names = [field.name for field in dataclasses.fields(Limits)]
    chosen = {name: given.pop(name) for name in names}
    if given.pop("read_only"):
        chosen["upload_megabytes"] = 0
    try:
        options = Options(limits=Limits(**chosen), login=read_login(), **given)
        make_proxies(options.proxies)
    except ValueError as error:
        parser.error(str(error))
    if options.alone and options.share:
        parser.error("--share lets others in: leave one of --alone and --share out")
    if options.mcp and importlib.util.find_spec("mcp") is None:
        parser.error('--mcp needs the package mcp: pip install "gradio[mcp]"')
    if options.mcp and options.limits.read_only:
        parser.error("--mcp takes pictures: leave one of --mcp and --read-only out")
    if options.mcp and options.login:
        parser.error(f"--mcp knows no login: leave one of --mcp and {PREFIX}AUTH out")
    return options


def add_start(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", help="address to listen on; 0.0.0.0 for every network")
    add("--port", type=int, help="port to listen on; the first free one from 7860")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where models run")
    add("--share", action="store_true", help="make a public link through gradio's server")
    add("--models-dir", type=Path, help="folder of the bundled weights")
    add(
        "--model",
        action="append",
        dest="models",
        metavar="NAME",
        help="a network that is in the menu from the start: owner/repo or hf-hub:owner/repo@revision on the "
        "Hub, a name of timm, or a folder; may be given several times",
    )
    add(
        "--alone",
        action="store_true",
        help="you are the only visitor: the page opens folders of this machine and, with your token, your "
        "private repositories of the Hub",
    )
    add("--data", type=Path, default=Path("data"), help="folder of data sets, if there is one")
    add("--mcp", action="store_true", help="offer the public endpoints as MCP tools as well")
    add("--read-only", action="store_true", help="no uploads: the same as --upload-megabytes 0")
    lists: dict[str, Any] = {"type": split_list, "metavar": "A,B"}
    add(
        "--hosts",
        default=os.environ.get(name_variable("hosts"), ""),
        help="names by which this server is called, besides localhost and --host",
        **lists,
    )
    add(
        "--origins",
        default=os.environ.get(name_variable("origins"), ""),
        help="other sites whose pages may call this server, such as https://example.org",
        **lists,
    )
    add(
        "--proxies",
        default=os.environ.get(name_variable("proxies"), ""),
        help="addresses or networks of proxies before this server, whose X-Forwarded headers are believed",
        **lists,
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of `Limits`, whose default the environment may say."""
    group = parser.add_argument_group("limits")
    for field in dataclasses.fields(Limits):
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=os.environ.get(name_variable(field.name), field.default),
            metavar="N",
            help=field.metadata.get("words", ""),
        )


def name_variable(name: str) -> str:
    """Return the environment's name for an option."""
    return PREFIX + name.upper()


def split_list(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def read_login() -> tuple[str, str] | None:
    """Return user and password of the environment. Raise ValueError where one is missing."""
    given = os.environ.get(name_variable("auth"))
    if given is None:
        return None
    user, _, password = given.partition(":")
    if not (user and password):
        raise ValueError(f"{name_variable('auth')} must be user:password")
    return user, password
