"""The category of a record: a text, with the code that our code system has for it."""

from __future__ import annotations

from mappings.concepts.names import category_code, system
from mappings.paths.path import Json, Leaf
from mappings.views.kind import TEXT
from mappings.views.soap import is_own
from mappings.views.view import Parts


def read_category(parts: Parts) -> str | None:
    """Return the category as it was written; of a Composition of others the text, the display or the code."""
    composition = parts["Composition"][0]
    categories = composition.get("category", ())
    own = next((each for each in categories if _is_ours(each)), None)
    if own is not None:
        text: str | None = TEXT.read(Leaf(own.get("text"), own.get("_text")))
        return text if text is not None else own["coding"][0].get("code")
    for each in () if is_own(composition) else categories:
        codings = each.get("coding") or [{}]
        found = each.get("text") or codings[0].get("display") or codings[0].get("code")
        if found:
            return str(found)
    return None


def write_category(parts: Parts, category: str | None) -> None:
    """Set the category: a code of ours and the text; categories of other systems stay."""
    composition = parts["Composition"][0]
    kept = [each for each in composition.pop("category", ()) if not _is_ours(each)]
    if category is not None:
        leaf = TEXT.write(category)
        coding = {"system": system("category"), "code": category_code(category)}
        text: Json = {"text": leaf.value} if leaf.beside is None else {"_text": leaf.beside}
        kept.insert(0, {"coding": [coding]} | text)
    if kept:
        composition["category"] = kept


def _is_ours(category: Json) -> bool:
    return any(each.get("system") == system("category") for each in category.get("coding", ()))
