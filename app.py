"""The demo: `python app.py`, or as a Hugging Face Space. `--help` tells its options."""

from __future__ import annotations

from vitdemo.serving import main

if __name__ == "__main__":
    main()
