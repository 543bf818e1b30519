"""Medical records with every kind of value that is hard to carry, and resources as others might have left them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from mappings.concepts.bijection import codes

Json = dict[str, Any]

_LETTERS = st.characters(
    codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\t\r\n"
)
_HARD = (
    "Œdème, « très » net – 37,5 °C",
    "e\u0301 composé, é précomposé",
    "🫀 𝔄 \U0001f468\u200d\u2695\ufe0f",
    "שלום עולם, مرحبا",
    "<b>gras</b> & \"cité\" 'apostrophe' ]]> &amp;",
    "ligne\r\nligne\rligne\n\nligne",
    "  deux avant, trois après   ",
    "\tpuce\n\tpuce\n",
    "\u00a0insécable\u2028séparateur\u0085fin",
    "a\u200bb\ufeffc\u007fd",
    "x" * 3000,
)
_SEVERAL = st.lists(st.sampled_from(_HARD), min_size=1, max_size=3, unique=True).map("".join)
FILLED = st.one_of(_SEVERAL, st.text(_LETTERS, min_size=1, max_size=40)).filter(lambda text: text.strip())
TEXTS = st.one_of(st.just(""), FILLED)
OPTIONAL = st.one_of(st.none(), TEXTS)
_OFFSETS = ("Z", "+00:00", "-00:00", "+01:00", "+02:00", "-03:30", "+05:45", "+14:00")
_FRACTIONS = ("", ".5", ".123", ".123456", ".000000", ".123456789")
MOMENTS = st.builds(
    lambda day, time, fraction, offset: f"{day}T{time}{fraction}{offset}",
    st.sampled_from(("2026-03-02", "2024-02-29", "2026-10-25", "2026-03-29", "1999-12-31", "0001-01-01", "9999-12-31")),
    st.sampled_from(("09:30:00", "00:00:00", "02:30:00", "23:59:59", "23:59:60")),
    st.sampled_from(_FRACTIONS),
    st.sampled_from(_OFFSETS),
)
IDS = st.from_regex(r"[A-Za-z0-9.\-]{1,64}", fullmatch=True)
FILES = st.builds(
    lambda filename, type, content: (filename, type, content),
    TEXTS,
    st.sampled_from(("application/pdf", "image/jpeg", "text/plain; charset=utf-8")),
    st.binary(min_size=1, max_size=20),
)
RECORDS = st.fixed_dictionaries(
    {
        "id": IDS,
        "nom": OPTIONAL,
        "age": st.none() | st.integers(0, 150),
        "category": st.one_of(st.none(), TEXTS, st.sampled_from(codes("telemed-category"))),
        "priority": st.sampled_from(codes("telemed-priority")),
        "status": st.sampled_from(codes("telemed-record-status")),
        "soap": st.fixed_dictionaries(dict.fromkeys(("subjective", "objective", "assessment", "plan"), OPTIONAL)),
        "consultation_date": MOMENTS,
        "follow_up_date": st.none() | st.sampled_from(("2026-04-02", "2024-02-29", "0001-01-01")),
        "tags": st.lists(FILLED, max_size=4),
        "attachments": st.just([]),
        "patient_id": IDS,
        "doctor_id": IDS,
        "inserted_at": MOMENTS,
        "updated_at": MOMENTS,
    }
)


def _text_classes(text: Any) -> set[str]:
    if text is None:
        return {"null"}
    marks: Mapping[str, bool] = {
        "empty": text == "",
        "unicode": any(ord(each) > 0xFFFF for each in text) and any(0x7F < ord(each) < 0xFFFF for each in text),
        "right to left": any(0x590 <= ord(each) < 0x700 for each in text),
        "not normalised": "e\u0301" in text,
        "crlf": "\r\n" in text,
        "cr": "\r" in text.replace("\r\n", ""),
        "markup": "<" in text and "&" in text,
        "leading space": text[:1].isspace(),
        "trailing space": text[-1:].isspace(),
        "long": len(text) > 2000,
    }
    return {name for name, found in marks.items() if found}


TEXT_CLASSES = (
    *("null", "empty", "unicode", "right to left", "not normalised", "crlf", "cr", "markup"),
    *("leading space", "trailing space", "long"),
)
CLASSES = frozenset(
    [f"{field}: {each}" for field in ("nom", "category", "soap") for each in TEXT_CLASSES]
    + [f"offset {each}" for each in _OFFSETS]
    + ["no fraction", "microseconds", "nanoseconds", "leap second"]
    + ["tags unsorted", "tags twice", "no tags", "age 0", "no age", "no follow-up", "files", "no files"]
    + [f"status {each}" for each in codes("telemed-record-status")]
    + [f"priority {each}" for each in codes("telemed-priority")]
    + ["category of the code system", "another category"]
)


def classes(record: Json) -> set[str]:
    """Return which of the hard cases a record is."""
    found = {f"{name}: {each}" for name in ("nom", "category") for each in _text_classes(record[name])}
    found |= {f"soap: {each}" for text in record["soap"].values() for each in _text_classes(text)}
    for moment in (record["consultation_date"], record["inserted_at"], record["updated_at"]):
        found |= {f"offset {each}" for each in _OFFSETS if moment[19:].endswith(each)}
        digits = len(moment[19:].partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0])
        found |= {"no fraction"} if not digits else {"microseconds"} if digits == 6 else set()
        found |= ({"nanoseconds"} if digits == 9 else set()) | ({"leap second"} if ":60" in moment else set())
    tags = record["tags"]
    marks = {
        "tags unsorted": tags != sorted(tags),
        "tags twice": len(tags) != len(set(tags)),
        "no tags": not tags,
        "age 0": record["age"] == 0,
        "no age": record["age"] is None,
        "no follow-up": record["follow_up_date"] is None,
        "files": bool(record["attachments"]),
        "no files": not record["attachments"],
        f"status {record['status']}": True,
        f"priority {record['priority']}": True,
        "category of the code system": record["category"] in codes("telemed-category"),
        "another category": record["category"] not in (None, "", *codes("telemed-category")),
    }
    return found | {name for name, holds in marks.items() if holds}


NOTE = {"url": "http://example.org/kept", "valueString": "gardé"}
_FOREIGN = "http://example.org/codes"


def _extended(resource: Json) -> None:
    resource.setdefault("extension", []).insert(0, dict(NOTE))


def _primitive(resource: Json) -> None:
    resource["_status"] = {"id": "s1", "extension": [dict(NOTE)]}


def _tagged(resource: Json) -> None:
    meta = resource.setdefault("meta", {})
    meta.setdefault("tag", []).append({"system": _FOREIGN, "code": "other"})
    meta |= {"versionId": "7", "lastUpdated": "2026-03-02T10:00:00Z", "security": [{"system": _FOREIGN, "code": "R"}]}


def _contained(resource: Json) -> None:
    resource.setdefault("contained", []).append({"resourceType": "Organization", "id": "org", "name": "Clinique"})


def _deep(resource: Json) -> None:
    """Put an extension of others into every object inside, and an id."""
    queue = [value for name, value in resource.items() if name not in ("meta", "extension", "contained", "text")]
    while queue:
        each = queue.pop()
        if isinstance(each, list):
            queue += each
        elif isinstance(each, dict) and "url" not in each:
            queue += [inside for name, inside in each.items() if name != "extension"]
            if "div" not in each:
                each.setdefault("extension", []).append(dict(NOTE))


def _sections(resource: Json) -> None:
    if resource["resourceType"] == "Composition":
        text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Aucune</div>'}
        code = {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]}
        resource.setdefault("section", []).insert(0, {"title": "Allergies", "code": code, "text": text})
        resource["relatesTo"] = [{"code": "replaces", "targetReference": {"reference": "Composition/old"}}]
        resource.setdefault("category", []).append({"coding": [{"system": _FOREIGN, "code": "c"}], "text": "Autre"})


def _participants(resource: Json) -> None:
    if resource["resourceType"] == "Encounter":
        resource["participant"].append({"individual": {"reference": "RelatedPerson/mother"}})
        resource["priority"]["coding"].append({"system": _FOREIGN, "code": "P1", "display": "Premier"})
        resource["location"] = [{"location": {"display": "Cabinet"}}]


DECORATIONS: tuple[Callable[[Json], None], ...] = (
    _extended,
    _primitive,
    _tagged,
    _contained,
    _sections,
    _participants,
    _deep,
)


def decorated(resources: list[Json], chosen: list[int]) -> list[Json]:
    """Return copies of resources with elements of others in them."""
    made = deepcopy(resources)
    for index in chosen:
        for each in made:
            DECORATIONS[index](each)
    return made


DECORATED = st.lists(st.integers(0, len(DECORATIONS) - 1), unique=True).map(sorted)
