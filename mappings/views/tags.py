"""The tags of a record: texts in their order, in extensions, and in `meta.tag` so that `_tag` finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mappings.concepts.names import TAG, definition
from mappings.paths.path import Json
from mappings.views.kind import FILLED, Kind, filled_fault
from mappings.views.view import Parts
from profiles.datatypes.primitives import matches

EXTENSION = definition("tag")


def tag_code(text: str) -> str:
    """Return the code under which `_tag` finds a tag: the text itself where a code may look like that.

    Different texts have different codes.
    """
    plain = matches("code", text) and not any(each.isspace() and each != " " for each in text)
    return text if plain and "%" not in text else quote(text, safe="")


def read_tags(parts: Parts) -> list[str]:
    """Return the tags of a Composition; where our extension is missing, those of `meta.tag`."""
    composition = parts["Composition"][0]
    extensions = composition.get("extension", ())
    own = [each["valueString"] for each in extensions if each.get("url") == EXTENSION and "valueString" in each]
    return own or [each.get("display") or each.get("code", "") for each in _codings(composition)]


def write_tags(parts: Parts, tags: Sequence[str]) -> None:
    """Put the tags into a Composition; tags of other systems stay."""
    composition = parts["Composition"][0]
    kept = [each for each in composition.pop("extension", ()) if each.get("url") != EXTENSION]
    extensions = [*kept, *({"url": EXTENSION, "valueString": each} for each in tags)]
    if extensions:
        composition["extension"] = extensions
    known = {each.get("display"): each for each in _codings(composition)}
    meta = composition.setdefault("meta", {})
    others = [each for each in meta.pop("tag", ()) if each.get("system") != TAG]
    made = [known.get(each) or {"system": TAG, "code": tag_code(each), "display": each} for each in dict.fromkeys(tags)]
    if others or made:
        meta["tag"] = [*others, *made]
    if not meta:
        del composition["meta"]


def _codings(composition: Json) -> list[Json]:
    found: list[Json] = [each for each in composition.get("meta", {}).get("tag", ()) if each.get("system") == TAG]
    return found


def _fault(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list of texts"
    return next(
        (f"must be a list of texts, each of which {fault}" for each in value if (fault := filled_fault(each))), None
    )


TAGS = Kind("list of texts", {"type": "array", "items": dict(FILLED.schema)}, _fault)
