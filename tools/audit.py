"""`python -m tools.audit`: bandit over the sources, pip-audit over the lock file. Fails on what they find.

Where no database of vulnerabilities can be reached it says that nothing was audited, and does not fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = "requirements.lock"
SOURCES = ("app.py", "vitdemo", "train", "tools")
MINUTES = 3  # after which a database counts as out of reach


def scan_sources() -> bool:
    """Print what bandit finds of medium or high severity; return whether it found nothing."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-ll", *SOURCES]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def audit_lock() -> bool:
    """Print how many locked packages have known vulnerabilities; return False if one has."""
    words = ["-r", LOCK, "--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *words]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES)
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        answer = {"dependencies": []}
    sentence, sound = judge(answer)
    print(sentence)
    return sound


def judge(answer: dict[str, Any]) -> tuple[str, bool]:
    """Return what pip-audit's JSON `answer` says, in a sentence, and whether no vulnerability is known."""
    packages = answer["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        return "pip-audit: NOTHING WAS AUDITED, no database of vulnerabilities can be reached from here", True
    hurt = [
        f"{package['name']} {package['version']}: {', '.join(hole['id'] for hole in package['vulns'])}"
        for package in audited
        if package["vulns"]
    ]
    unknown = len(packages) - len(audited)
    sentence = f"pip-audit: {len(audited)} packages audited, {unknown} unknown to the database"
    return (
        f"{sentence}, {len(hurt)} with known vulnerabilities{': ' if hurt else ''}{'; '.join(hurt)}",
        not hurt,
    )


def main() -> None:
    results = [scan_sources(), audit_lock()]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
