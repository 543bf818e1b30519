"""What is wrong with the answer to a search, in a few words without ids; "" when it is right."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def entries(answer: Json, mode: str = "match") -> list[Json]:
    """Return the resources of a searchset Bundle with that search mode."""
    return [each["resource"] for each in answer.get("entry", []) if each["search"]["mode"] == mode]


def results(answer: Json, *, patient: str, code: str, total: int) -> str:
    """Hold newest results of a patient by code to what there is."""
    found = entries(answer)
    codes = [[f"{coding['system']}|{coding['code']}" for coding in each["code"]["coding"]] for each in found]
    if any(each["subject"]["reference"] != f"Patient/{patient}" for each in found):
        return "an Observation of another patient"
    if any(code not in each for each in codes):
        return "an Observation of another code"
    times = [datetime.fromisoformat(each["effectiveDateTime"]) for each in found]
    if times != sorted(times, reverse=True):
        return "not sorted by date"
    return _page(answer, found, 20, total)


def chain(answer: Json, *, patients: Collection[str], total: int) -> str:
    """Hold Observations by the patient's name to the patients so named."""
    found = entries(answer)
    if any(each["subject"]["reference"].removeprefix("Patient/") not in patients for each in found):
        return "an Observation of somebody with another name"
    return _page(answer, found, 20, total)


def having(answer: Json, *, size: int, total: int) -> str:
    """Hold patients that have something to their number."""
    found = entries(answer)
    if any(each["resourceType"] != "Patient" for each in found):
        return "a match that is no Patient"
    return _page(answer, found, size, total)


def visits(answer: Json, *, patient: str, beside: str, size: int, counts: Mapping[str, int]) -> str:
    """Hold a patient's visits, with the patient and what belongs to them; `counts` says how much belongs to each."""
    found, more = entries(answer), entries(answer, "include")
    ids = {each["id"] for each in found}
    if not ids <= counts.keys():
        return "an Encounter of somebody else"
    others = [each for each in more if each["resourceType"] == beside]
    if [each["id"] for each in more if each["resourceType"] == "Patient"] != [patient]:
        return "not the patient exactly once"
    if any(each["encounter"]["reference"].removeprefix("Encounter/") not in ids for each in others):
        return f"a {beside} of another Encounter"
    if len({each["id"] for each in others}) != len(others) or len(others) != sum(counts[id] for id in ids):
        return f"{len(others)} {beside}, there are {sum(counts[id] for id in ids)}"
    if len(others) + 1 != len(more):
        return "something included that was not asked for"
    return _page(answer, found, size, len(counts))


def texts(answer: Json, *, word: str, size: int, least: int) -> str:
    """Hold a full text search to its word; `least` resources are shown with it, others may have it elsewhere."""
    found = entries(answer)
    if answer.get("total", 0) < least:
        return f"the total is {answer.get('total')}, it should be {least} or more"
    if any(word.lower() not in json.dumps(each, ensure_ascii=False).lower() for each in found):
        return "a match without the word"
    return _page(answer, found, size, answer["total"])


def _page(answer: Json, found: list[Json], size: int, total: int) -> str:
    """Return what is wrong with the number of matches on the first page of `size`, and in all."""
    if answer.get("total") != total:
        return f"the total is {answer.get('total')}, it should be {total}"
    if len({each["id"] for each in found}) != len(found):
        return "a match twice"
    return "" if len(found) == min(size, total) else f"{len(found)} matches on a page of {size}, there are {total}"
