"""The demo: `python app.py`, or as a Hugging Face Space."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from vitdemo.engine import Engine
from vitdemo.ui import build, first_view, launch_options


def parse() -> argparse.Namespace:
    """The options. Without host, port or MCP gradio looks for GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and
    GRADIO_MCP_SERVER. Ends the program with one sentence when the package for MCP is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 for every network")
    parser.add_argument("--port", type=int, help="port to listen on; the first free one from 7860")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where models run")
    parser.add_argument("--share", action="store_true", help="make a public link through gradio's server")
    parser.add_argument("--models-dir", type=Path, help="folder of the bundled weights")
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="folder of data sets, if there is one"
    )
    parser.add_argument("--mcp", action="store_true", help="offer the public endpoints as MCP tools as well")
    options = parser.parse_args()
    if options.mcp and importlib.util.find_spec("mcp") is None:
        parser.error('--mcp needs the package mcp: pip install "gradio[mcp]"')
    return options


def main() -> None:
    options = parse()
    engine = Engine(device=options.device, models_dir=options.models_dir)
    page = build(engine, data_dir=options.data, first=first_view(engine))
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        mcp_server=options.mcp or None,
        **launch_options(),
    )


if __name__ == "__main__":
    main()
