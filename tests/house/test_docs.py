"""The documentation is whole: each setting and interaction has its place, each page its link, each link its target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fhir_server.http.routes import ROUTES
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.operations.registry import OPERATIONS
from fhir_server.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
LINKING = [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("examples/*/README.md")]
ROW = re.compile(r"^\| `(\w+)` \| `(.*?)` \| (.*) \|$", re.M)


def default(value: object) -> str:
    """Return a default as the settings page writes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_settings_page_is_what_the_code_says() -> None:
    rows = ROW.findall((DOCS / "settings.md").read_text(encoding="utf-8"))
    fields = Settings.model_fields.items()
    assert rows == [(name, default(field.default), field.description) for name, field in fields]


def test_every_interaction_has_its_page() -> None:
    pages = {path.stem for path in (DOCS / "api" / "interactions").glob("*.md")}
    named = set(INTERACTIONS) | {"batch", "transaction"}
    assert pages == named
    assert {route.name for route in ROUTES} - {"bundle"} <= named


def test_every_operation_has_its_page() -> None:
    assert {path.stem for path in (DOCS / "api" / "operations").glob("*.md")} == set(OPERATIONS)


def test_every_page_is_reached_from_the_index() -> None:
    reached, ahead = set(), {DOCS / "index.md"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for target in targets(page):
            pages = sorted(target.glob("*.md")) if target.is_dir() else [target]
            ahead |= {each for each in pages if each.suffix == ".md" and each.is_file()} - reached
    assert sorted(set(PAGES) - reached) == []


@pytest.mark.parametrize("page", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [str(target) for target in targets(page) if not target.exists()] == []
    sections = ANCHOR.findall(page.read_text(encoding="utf-8"))
    assert [
        f"{link}#{name}" for link, name in sections if name not in anchors((page.parent / link) if link else page)
    ] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


def targets(page: Path) -> list[Path]:
    return [(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8"))]
