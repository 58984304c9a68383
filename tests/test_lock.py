"""The lock file is of requirements.txt, whole and hashed; what the audit says of its answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.audit import judge

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux"}


def read_lock() -> dict[str, tuple[str, str]]:
    """Return the version and the hashes of each package."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n((?:    --hash=\S+.*\n)+)", text, re.MULTILINE)
    return {canonicalize_name(name): (version, hashes) for name, version, hashes in entries}


def test_every_line_is_a_package_or_its_hash() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    kinds = (r"#.*", r"[\w.-]+==\S+( ; [^\\]+)? \\", r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert not [line for line in lines if not any(re.fullmatch(kind, line) for kind in kinds)]
    assert len(read_lock()) == sum("==" in line for line in lines) > 50


def test_what_the_app_needs_is_locked_in_a_version_that_it_allows() -> None:
    found = read_lock()
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate(ENVIRONMENT):
                assert wanted.specifier.contains(found[canonicalize_name(wanted.name)][0]), line


HOLE = {"name": "pillow", "version": "9.0", "vulns": [{"id": "CVE-2022-22817"}]}
SOUND = {"name": "numpy", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "words", "sound"),
    [
        ([], "NOTHING WAS AUDITED", True),
        ([UNKNOWN], "NOTHING WAS AUDITED", True),
        ([SOUND, UNKNOWN], "1 packages audited, 1 unknown to the database, 0 with", True),
        ([SOUND, HOLE], "1 with known vulnerabilities: pillow 9.0: CVE-2022-22817", False),
    ],
)
def test_the_audit_tells_what_it_saw(packages: list[dict[str, object]], words: str, sound: bool) -> None:
    sentence, result = judge({"dependencies": packages})
    assert words in sentence
    assert result is sound
