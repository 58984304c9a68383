"""Where a run lies, whatever it trains."""

from __future__ import annotations

from pathlib import Path

from vitdemo.weights.shelf import EXPORT, find_runs_dir


class Placed:
    """The folders of a run called `name` among all `runs`, "" = those of `find_runs_dir`."""

    name: str
    runs: str

    @property
    def runs_dir(self) -> Path:
        """The folder of all runs."""
        return Path(self.runs) if self.runs else find_runs_dir()

    @property
    def run_dir(self) -> Path:
        """Where the state of the run lives: a folder of its name among all runs."""
        return self.runs_dir / self.name

    @property
    def export_dir(self) -> Path:
        """Where what the run has made lies, with its card and figures."""
        return self.run_dir / EXPORT
