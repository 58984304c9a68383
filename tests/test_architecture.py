"""Who may import whom, held as tables, and how long a file may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    [
        ROOT / "app.py",
        *(path for top in ("vitdemo", "train", "tools") for path in ROOT.glob(f"{top}/**/*.py")),
    ]
)

# A library, and the only modules that may import it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "gradio": ("vitdemo.ui", "vitdemo.serving"),
    "starlette": ("vitdemo.serving",),
    "fastapi": ("vitdemo.serving",),
    "gradio_client": ("vitdemo.serving.tools",),  # whose errors it tells in words of ours
    "huggingface_hub": ("vitdemo.weights", "train.publish", "train.space"),
}
# Modules, and what they never import.
NEVER: dict[str, tuple[str, ...]] = {
    "vitdemo": ("train", "app", "tests"),
    "vitdemo.config": ("torch", "torchvision"),
    "vitdemo.render": ("torch", "torchvision"),
    "vitdemo.decode": ("torch", "torchvision"),
    "vitdemo.ui": ("torch", "torchvision", "vitdemo.serving"),
    "vitdemo.serving": ("torch", "torchvision"),
    "vitdemo.engine": ("vitdemo.ui", "vitdemo.serving", "vitdemo.library"),
    "vitdemo.library": ("vitdemo.serving",),
    "train": ("vitdemo.ui", "vitdemo.serving", "vitdemo.engine", "app"),
}
# What a room of the page may know besides the kit: `examples` and `datasets` for plain pictures and labels.
BELOW_THE_PAGE = (
    "vitdemo.engine",
    "vitdemo.examples",
    "vitdemo.datasets",
    "vitdemo.limits",
    "vitdemo.message",
    "vitdemo.png",
    "vitdemo.timing",
)
# Packages, and all of `vitdemo` that they may import beside themselves.
ALLOWED: dict[str, tuple[str, ...]] = {
    "vitdemo.kinds": ("vitdemo.message",),
    "vitdemo.config": ("vitdemo.kinds", "vitdemo.rope"),
    "vitdemo.rope": ("vitdemo.kinds",),
    "vitdemo.models": ("vitdemo.config", "vitdemo.message", "vitdemo.trace"),
    "vitdemo.trace": (),
    "vitdemo.recording": ("vitdemo.models", "vitdemo.trace"),
    "vitdemo.maps": ("vitdemo.config", "vitdemo.message", "vitdemo.trace"),
    "vitdemo.render": ("vitdemo.message", "vitdemo.png"),
    "vitdemo.png": (),
    "vitdemo.ui": BELOW_THE_PAGE,
    "vitdemo.ui.kit": BELOW_THE_PAGE,
    **{
        f"vitdemo.ui.{room}": (*BELOW_THE_PAGE, "vitdemo.ui.kit")
        for room in ("sidebar", "tabs", "api", "about", "tour")
    },
    "vitdemo.serving": ("vitdemo.ui", "vitdemo.engine", "vitdemo.cores", "vitdemo.limits", "vitdemo.files"),
    "vitdemo.cores": (),
    "vitdemo.limits": (),
    "vitdemo.message": (),
    "vitdemo.timing": ("vitdemo.message",),
    "vitdemo.decode": ("vitdemo.limits", "vitdemo.message"),
    "app": ("vitdemo.serving",),
}
TABS = "vitdemo.ui.tabs."


def name_module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_inside(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def list_imports(path: Path) -> set[str]:
    """Return every module that the file names in an import, at any depth; `from a import b` gives `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_module)
def test_imports_follow_the_design(path: Path) -> None:
    module, wrong = name_module(path), []
    for name in list_imports(path):
        wrong += [
            name
            for library, places in ONLY_IN.items()
            if is_inside(name, (library,)) and not is_inside(module, places)
        ]
        for who, banned in NEVER.items():
            if is_inside(module, (who,)) and is_inside(name, banned):
                wrong.append(name)
        for who, allowed in ALLOWED.items():
            if (
                is_inside(module, (who,))
                and is_inside(name, ("vitdemo",))
                and not is_inside(name, (*allowed, who))
            ):
                wrong.append(name)
        if module.startswith(TABS) and name.startswith(TABS) and name.split(".")[3] != module.split(".")[3]:
            wrong.append(name)
    assert not wrong, f"{module} must not import {', '.join(wrong)}"


def test_scripts_import_from_their_own_room_and_the_kit() -> None:
    rooms, seen = ROOT / "vitdemo" / "ui", 0
    for script in rooms.glob("**/*.js"):
        for name in re.findall(r'^import .*?"([^"]+)";', script.read_text(encoding="utf-8"), re.MULTILINE):
            seen += 1
            target = (script.parent / name).resolve()
            assert target.is_file(), f"{script.name}: {name}"
            at_home = target.is_relative_to(script.parent) or target.is_relative_to(rooms / "kit")
            assert at_home, f"{script.name}: {name}"
    assert seen > 15


def test_there_is_no_circle_of_imports() -> None:
    """Not even of those that are for types only; a package stands for what its own `__init__` imports."""
    modules = {name_module(path): path for path in SOURCES}

    def loaded(name: str) -> set[str]:
        """The module that `name`, which may be a thing in a module, is found in; none where it is foreign."""
        return {name} & set(modules) or {name.rpartition(".")[0]} & set(modules)

    graph = {module: set().union(*map(loaded, list_imports(path))) for module, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_the_tables_name_modules_that_exist() -> None:
    modules = {name_module(path) for path in SOURCES}
    assert {*NEVER, *ALLOWED} <= modules
    assert len(modules) > 20


@pytest.mark.parametrize(
    ("blocked", "loaded", "absent", "later"),
    [
        (["gradio"], "train.__main__, train.evaluate", [], "sys"),
        (["torch", "gradio"], "vitdemo, vitdemo.config", [], "vitdemo.render"),
        (
            ["gradio", "torchvision"],  # the latter would double the time in which the demo starts
            "vitdemo.trace, vitdemo.maps",
            ["vitdemo.models", "vitdemo.engine", "vitdemo.library"],
            "vitdemo.weights, vitdemo.engine, vitdemo.predict, vitdemo.library",
        ),
    ],
)
def test_loads_in_a_process_without(blocked: list[str], loaded: str, absent: list[str], later: str) -> None:
    program = f"""
import sys
for name in {blocked}:
    sys.modules[name] = None
import {loaded}
assert not set(sys.modules) & set({absent})
import {later}
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_makefile_knows_where_times_are_held() -> None:
    mark = "pytest.mark." + "timing"
    paths = [path for path in ROOT.glob("tests/**/*.py") if mark in path.read_text(encoding="utf-8")]
    places = re.search(r"pytest (.*) -m timing", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert places
    for path in paths:
        assert any(path.is_relative_to(ROOT / place) for place in places[1].split()), path


@pytest.mark.parametrize("path", [*SOURCES, *sorted(ROOT.glob("tests/**/*.py"))], ids=name_module)
def test_no_file_is_longer_than_250_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250
