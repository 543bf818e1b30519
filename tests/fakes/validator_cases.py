"""Run validator cases (a JSON manifest, files beside it, outcomes under `outcomes/`): do verdicts agree?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_server.errors import Refusal
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.profiles import judged
from fhir_server.model.fhir_json import encode, parse
from fhir_server.model.fhir_xml import parse_xml
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator

Json = Mapping[str, Any]
BASE, PROFILED = "base", "with profiles"
R4 = ("4.0", "4.0.1")
_FAULTS = frozenset({"error", "fatal"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one case came to: whether the resource is valid, by the expected outcome and by us."""

    name: str
    group: str
    expected: bool
    found: bool
    messages: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return self.expected == self.found


def verdicts(folder: Path, definitions: Mapping[str, Json]) -> Iterator[Verdict]:
    """Yield the verdicts of the R4 JSON cases of a folder that need no package; `definitions` are known by url."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    validator = Validator(strict=True)
    for case in manifest["test-cases"]:
        if _is_ours(case):
            yield from _of_case(case, folder, definitions, validator)


def _is_ours(case: Json) -> bool:
    if str(case.get("version", "4.0")) not in R4 or not str(case["file"]).endswith(".json"):
        return False
    return not case.get("packages") and case.get("module", "general") not in ("tx", "cda", "shc", "logical")


def _of_case(case: Json, folder: Path, definitions: Mapping[str, Json], validator: Validator) -> Iterator[Verdict]:
    extra = [*case.get("profiles", ()), *case.get("supporting", ())]
    if "java" in case:
        known = _known(folder, extra, definitions)
        group = PROFILED if extra else BASE
        yield _verdict(str(case["name"]), group, case, [], (folder, known, validator))
    asked = case.get("profile")
    if isinstance(asked, dict) and "java" in asked and isinstance(asked.get("source"), str):
        known = _known(folder, [*extra, *asked.get("supporting", ())], definitions)
        source = asked["source"]
        own = _read(folder, source) if (folder / source).is_file() else None
        if own is not None and "url" in own:
            known[own["url"]] = own
        url = str(own["url"]) if own is not None and "url" in own else source
        yield _verdict(f"{case['name']} (profile)", PROFILED, {**case, **asked}, [url], (folder, known, validator))


def _known(folder: Path, names: list[str], definitions: Mapping[str, Json]) -> dict[str, Json]:
    known = dict(definitions)
    for name in names:
        found = _read(folder, name)
        for each in _definitions(found):
            if "url" in each:
                known[str(each["url"])] = each
    return known


def _definitions(found: Any) -> Iterator[Json]:
    if isinstance(found, dict):
        yield found
        for entry in found.get("entry", ()) if found.get("resourceType") == "Bundle" else ():
            yield from _definitions(entry.get("resource"))


def _read(folder: Path, name: str) -> Any:
    try:
        body = (folder / name).read_bytes()
        return parse_xml(body) if name.endswith(".xml") else parse(body)
    except (Refusal, OSError):
        return None


def _verdict(
    name: str, group: str, case: Json, urls: list[str], around: tuple[Path, dict[str, Json], Validator]
) -> Verdict:
    folder, known, validator = around
    expected = _expected(case["java"], folder)
    try:
        resource = parse((folder / case["file"]).read_bytes())
    except Refusal as error:
        return Verdict(name, group, expected, False, (str(error),))
    catalogue = Catalogue()
    for url, each in known.items():
        catalogue.keep(url, each, encode(dict(each)))
    issues = judged(resource, urls, validator=validator, judge=ProfileJudge(catalogue, validator))
    faults = tuple(issue.message for issue in issues if issue.is_error)
    return Verdict(name, group, expected, not faults, faults)


def _expected(java: Any, folder: Path) -> bool:
    """Return whether a case's expected outcome is without error; it is a file under `outcomes/` or stands in place."""
    if isinstance(java, str):
        java = json.loads((folder / "outcomes" / java).read_text(encoding="utf-8"))
    if "errorCount" in java:
        return not java["errorCount"]
    outcome = java.get("outcome", java)
    return not any(issue.get("severity") in _FAULTS for issue in outcome.get("issue", ()))


def agreement(found: list[Verdict]) -> dict[str, tuple[int, int]]:
    """Return {group: (verdicts that agree, all)}."""
    agreed = Counter(each.group for each in found if each.agrees)
    return {group: (agreed[group], count) for group, count in Counter(each.group for each in found).items()}
