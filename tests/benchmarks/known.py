"""What the Synthea set says about its patients, read from the data alone: what searches are drawn from and held to."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.copies import Copy, Synthea

Json = dict[str, Any]
SPOKEN = ("Observation", "DiagnosticReport", "Condition", "Procedure")


@dataclass(frozen=True, slots=True)
class Observed:
    """What an Observation says: its patient's id and one of its codes as `system|code`."""

    patient: str
    code: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A resource's type and the words its codes are shown with."""

    type: str
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Known:
    """The facts of one copy's worth of data, under the ids and names of the set.

    `names` are the words of each patient's names; `encounters` lists the patient of each Encounter; `beside` says for
    each type how many of its resources name an Encounter, by Encounter; `said` says how many resources of a type are
    shown with a word, in lower case.
    """

    observations: Sequence[Observed]
    observation_ids: Sequence[str]
    names: Mapping[str, Sequence[str]]
    encounters: Mapping[str, str]
    beside: Mapping[str, Counter[str]]
    spoken: Sequence[Spoken]
    said: Counter[tuple[str, str]]
    results: Counter[Observed]
    per_patient: Counter[str]

    def having(self, code: str) -> int:
        """Return the number of patients with an Observation of `code`."""
        return sum(1 for each in self.results if each.code == code)

    def named(self, copy: Copy, start: str) -> list[str]:
        """Return the patients (ids of the set) that have in `copy` a name beginning with `start`, in any case."""
        start = start.lower()
        return [id for id, names in self.names.items() if any(copy.of(n).lower().startswith(start) for n in names)]


def known(synthea: Synthea) -> Known:
    """Read the facts off the set."""
    by_type: dict[str, list[Json]] = defaultdict(list)
    for line in synthea.copy(0).lines():
        resource = json.loads(line)
        by_type[resource["resourceType"]].append(resource)
    observed = [_observed(each) for each in by_type["Observation"]]
    spoken = [_spoken(each) for type in SPOKEN for each in by_type[type]]
    return Known(
        observations=[codes[0] for codes in observed],
        observation_ids=[each["id"] for each in by_type["Observation"]],
        names={each["id"]: _names(each) for each in by_type["Patient"]},
        encounters={each["id"]: _id(each["subject"]) for each in by_type["Encounter"]},
        beside={
            type: Counter(_id(each["encounter"]) for each in by_type[type] if "encounter" in each)
            for type in ("Condition", "Observation")
        },
        spoken=spoken,
        said=Counter((each.type, word) for each in spoken for word in {word.lower() for word in each.words}),
        results=Counter(code for codes in observed for code in dict.fromkeys(codes)),
        per_patient=Counter(codes[0].patient for codes in observed),
    )


def _id(reference: Json) -> str:
    return str(reference["reference"].partition("/")[2])


def _observed(resource: Json) -> list[Observed]:
    patient = _id(resource["subject"])
    return [Observed(patient, f"{each['system']}|{each['code']}") for each in resource["code"]["coding"]]


def _names(patient: Json) -> list[str]:
    found: dict[str, None] = {}
    for name in patient["name"]:
        words = [name["family"], *name["given"], *name.get("prefix", []), *name.get("suffix", [])]
        found |= dict.fromkeys(words)
    return list(found)


def _spoken(resource: Json) -> Spoken:
    text = " ".join(coding.get("display", "") for coding in resource["code"]["coding"])
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return Spoken(resource["resourceType"], [word for word in words if word.isalpha() and len(word) >= 4])
