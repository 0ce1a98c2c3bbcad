"""The shape of the code is a test: layers, file heads, function lengths, and texts that name no machine."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agent", "service", "sandbox")
BANNED = {"utils", "helpers", "common", "base", "manager", "misc"}


def modules() -> list[Path]:
    """Every Python file of the three packages."""
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def functions() -> list[tuple[str, int]]:
    """Every function with its length in lines, its docstring left out."""
    found = []
    for file in modules():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                found.append((f"{file.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - first.lineno + 1))
    return found


def test_layers_are_kept():
    """No file imports from a layer above it, the core knows no input and output, the sandbox is apart."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_no_module_hides_from_the_contract():
    """Every file of the agent stands in a layer, itself or with its package, so that a new one must be placed."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter")
    layers = re.split(r"[\s:]+", contract["importlinter:contract:layers"]["layers"].strip())
    for file in modules():
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name.startswith("agent.") and name not in ("agent.upload",):
            assert any(name == layer or name.startswith(f"{layer}.") for layer in layers), f"{name} is in no layer"


def test_files_say_their_concern():
    """A file begins with its concern in one line, and its name is a noun that says something."""
    for file in modules():
        docstring = ast.get_docstring(ast.parse(file.read_text("utf-8")))
        assert docstring, f"{file} has no docstring"
        assert file.stem not in BANNED, f"{file} has a name that says nothing"


def test_functions_are_short():
    """Nine of ten functions have at most 30 lines, and hardly any has more than 40."""
    lengths = functions()
    over_30 = [name for name, length in lengths if length > 30]
    over_40 = [name for name, length in lengths if length > 40]
    assert len(over_30) <= len(lengths) / 10, over_30
    assert len(over_40) <= len(lengths) / 20, over_40


def test_files_are_short():
    """A file that grows beyond 450 lines holds more than one noun."""
    long = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in modules()}
    assert not {name: lines for name, lines in long.items() if lines > 450}


def test_package_files_hold_a_docstring_only():
    """Importing a package runs nothing."""
    for file in modules():
        if file.name == "__init__.py":
            assert len(ast.parse(file.read_text("utf-8")).body) <= 1, file


def test_no_committed_text_names_a_machine():
    """No path of a machine and no address of a registry stands in the project."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    pattern = re.compile("|".join(["/" + "work/", "/" + "tmp/bash", "py" + "pi\\.org", "files\\.python" + "hosted"]))
    for name in filter(None, tracked.stdout.split("\0")):
        file = ROOT / name
        if file.is_file() and file.suffix not in (".mo",):
            assert not pattern.search(file.read_text("utf-8", errors="replace")), name
