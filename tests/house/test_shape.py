"""The shape of the code: sizes, names, docstrings, and what pure modules may not do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARIES = ("fhir_server", "auth", "mappings", "realtime", "profiles")
FOLDERS = (*LIBRARIES, "tests", "examples")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PRODUCT = [path for path in FILES if path.relative_to(ROOT).parts[0] in LIBRARIES]
PURE = [
    path
    for path in PRODUCT
    if path.relative_to(ROOT).parts[:2] in (("fhir_server", "model"), ("fhir_server", "search"))
    or path.relative_to(ROOT).parts[0] == "mappings"
    or (path.relative_to(ROOT).parts[0] == "profiles" and path.name != "build.py")
    or path.relative_to(ROOT) in (Path("auth/scopes.py"),)
]
LINES = 400
FUNCTION = 60
PARAMETERS = 8
VAGUE = frozenset(("utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"))
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "xf" + "ail")
AFFAIRS = ("/wo" + "rk/", "shared/des" + "ign")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def parameters(function: Function) -> int:
    given = function.args
    named = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    assert text.lstrip().startswith(('"""', 'r"""')), "the first line is the module's docstring"
    assert not VAGUE & {path.stem, *path.relative_to(ROOT).parts[:-1]}
    assert [word for word in (*UNFINISHED, *AFFAIRS) if word in text] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    long = [each.name for each in functions(path) if (each.end_lineno or 0) - each.lineno >= FUNCTION]
    wide = [each.name for each in functions(path) if parameters(each) > PARAMETERS]
    assert (long, wide) == ([], [])


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    public: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
    for node in tree(path).body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            public.append(node)
            if isinstance(node, ast.ClassDef):
                public += [each for each in node.body if isinstance(each, Function) and not each.name.startswith("_")]
    assert [each.name for each in public if ast.get_docstring(each) is None] == []


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_no_error_is_swallowed(path: Path) -> None:
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    broad = [each for each in handlers if each.type is None or getattr(each.type, "id", "").endswith("Exception")]
    assert [each.lineno for each in broad if all(isinstance(step, ast.Pass) for step in each.body)] == []


@pytest.mark.parametrize("path", PURE, ids=name)
def test_a_pure_module_opens_no_file_and_awaits_nothing(path: Path) -> None:
    calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    assert [each.lineno for each in calls if isinstance(each, ast.Name) and each.id in ("open", "float")] == []
    assert [each.name for each in functions(path) if isinstance(each, ast.AsyncFunctionDef)] == []


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.name == "__init__.py"], ids=name)
def test_a_package_imports_nothing_by_itself(path: Path) -> None:
    assert [node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)] == []
