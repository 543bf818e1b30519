"""Resources, searches and restrictions from a small world, so that what is searched for is often there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from profiles.restriction import (
    ALL,
    NONE,
    AllOf,
    AnyOf,
    HasLabel,
    InCompartment,
    Matches,
    Not,
    Restriction,
    WrittenBy,
)

BASE = "https://fhir.example.org/fhir"
AUTHORS = ("anna", "ben")
IDS = ("a", "b", "c", "d")
TYPES = ("Patient", "Observation", "Encounter", "Questionnaire", "QuestionnaireResponse")
LABELS = (("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"), ("", "local"))

_systems = st.sampled_from(["http://loinc.org", "http://snomed.info/sct", ""])
_codes = st.sampled_from(["8867-4", "X1", "x1", "Straße", "a,b", "a|b"])
_words = st.sampled_from(["Anna", "ANNE", "Ann Lee", "Çelik", "celik", "Zoé", "Zoe\u0301", "O'Neil", "a_b%c"])
_dates = st.sampled_from(
    ["2020", "2020-02", "2020-02-29", "2020-02-29T23:30:00Z", "2020-03-01T00:30:00+01:00", "2021-01-01", "1969-12-31"]
)
_instants = st.sampled_from(["2020-02-29T23:30:00Z", "2020-03-01T00:30:00.5+01:00", "2021-01-01T00:00:00Z"])
_urls = st.sampled_from(["http://example.org/q", "http://example.org/q/1", "http://example.org/Q", "urn:oid:1.2.3"])
_versions = st.sampled_from(["1.0", "2.0"])

_codings = st.builds(
    lambda system, code, display: _without_empty({"system": system, "code": code, "display": display}),
    _systems,
    _codes,
    st.sampled_from(["", "Heart rate"]),
)
_concepts = st.builds(lambda codings: {"coding": codings}, st.lists(_codings, min_size=1, max_size=2))
_periods = st.builds(
    lambda start, end: _without_empty({"start": start, "end": end}),
    st.none() | st.sampled_from(["2020-01-01", "2020-02-29T10:00:00Z"]),
    st.none() | st.sampled_from(["2020-03", "2021-06-01"]),
)


def _without_empty(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value not in (None, "", [], {})}


def _reference(kind: str) -> st.SearchStrategy[dict[str, str]]:
    forms = ("{kind}/{id}", "{kind}/{id}/_history/2", BASE + "/{kind}/{id}", "https://other.example.org/{kind}/{id}")
    return st.builds(
        lambda form, id: {"reference": form.format(kind=kind, id=id)}, st.sampled_from(forms), st.sampled_from(IDS)
    )


_meta = st.fixed_dictionaries(
    {},
    optional={
        "security": st.lists(
            st.sampled_from([_without_empty({"system": system, "code": code}) for system, code in LABELS]), max_size=2
        ),
        "tag": st.lists(_codings, max_size=1),
        "profile": st.lists(st.builds(lambda url, v: f"{url}|{v}", _urls, _versions) | _urls, max_size=2),
        "source": _urls,
    },
)
_names = st.fixed_dictionaries({}, optional={"family": _words, "given": st.lists(_words, min_size=1, max_size=2)})

PATIENTS = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "meta": _meta,
        "name": st.lists(_names, max_size=2),
        "gender": st.sampled_from(["male", "female"]),
        "active": st.booleans(),
        "birthDate": st.sampled_from(["2020", "2020-02", "2020-02-29", "1969-12-31"]),
        "identifier": st.lists(
            st.builds(lambda system, code: _without_empty({"system": system, "value": code}), _systems, _codes),
            max_size=2,
        ),
        "generalPractitioner": st.lists(_reference("Practitioner"), max_size=1),
    },
)
OBSERVATIONS = st.fixed_dictionaries(
    {"resourceType": st.just("Observation"), "status": st.sampled_from(["final", "amended"]), "code": _concepts},
    optional={
        "meta": _meta,
        "subject": _reference("Patient") | _reference("Group"),
        "encounter": _reference("Encounter"),
        "effectiveDateTime": _dates,
        "effectivePeriod": _periods,
        "effectiveInstant": _instants,
        "valueString": _words,
        "component": st.lists(
            st.builds(
                lambda code, value: {"code": code, "valueQuantity": {"value": Decimal(value), "unit": "mmHg"}},
                _concepts,
                st.integers(0, 9),
            ),
            max_size=2,
        ),
    },
)
ENCOUNTERS = st.fixed_dictionaries(
    {"resourceType": st.just("Encounter"), "status": st.just("finished"), "class": _codings},
    optional={"meta": _meta, "subject": _reference("Patient"), "period": _periods, "partOf": _reference("Encounter")},
)
QUESTIONNAIRES = st.fixed_dictionaries(
    {"resourceType": st.just("Questionnaire"), "status": st.just("active")},
    optional={
        "meta": _meta,
        "url": _urls,
        "title": _words,
        "date": _dates,
    },
)
RESPONSES = st.fixed_dictionaries(
    {"resourceType": st.just("QuestionnaireResponse"), "status": st.just("completed")},
    optional={
        "meta": _meta,
        "questionnaire": st.builds(lambda url, v: f"{url}|{v}", _urls, _versions)
        | _urls
        | st.just(BASE + "/Questionnaire/a"),
        "subject": _reference("Patient"),
        "authored": _dates,
    },
)
RESOURCES = st.one_of(PATIENTS, OBSERVATIONS, ENCOUNTERS, QUESTIONNAIRES, RESPONSES)

_escaped = _codes.map(lambda code: code.replace(",", "\\,").replace("|", "\\|"))
_tokens = st.one_of(
    _escaped,
    st.builds("{}|{}".format, _systems, _escaped),
    st.sampled_from(["http://loinc.org|", "HTTP://LOINC.ORG|X1", "|X1"]),
)
_beginnings = st.sampled_from(["an", "ann", "Zo", "cel", "ÇEL", "o'", "z", "a_b", "ann  lee", "x"])
_searched_dates = st.builds(
    "{}{}".format,
    st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
    _dates | st.just("2020-02-29T23:30Z"),
)


def _references(kind: str) -> st.SearchStrategy[str]:
    forms = (
        "{id}",
        "{kind}/{id}",
        "{kind}/{id}/_history/2",
        BASE + "/{kind}/{id}",
        "https://other.example.org/{kind}/{id}",
    )
    return st.builds(lambda form, id: form.format(kind=kind, id=id), st.sampled_from(forms), st.sampled_from(IDS))


def _pair(name: str, values: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[tuple[str, str]]:
    return st.lists(values, min_size=1, max_size=most).map(lambda each: (name, ",".join(each)))


_above_some = _urls.filter(lambda url: not url.startswith("urn:"))
_signs = st.sampled_from(["", "gt", "le"])
_canonicals = st.builds("{}|{}".format, _urls, _versions) | _urls
_EVERYWHERE = (
    _pair("_id", st.sampled_from(IDS)),
    _pair("_id:not", st.sampled_from(IDS)),
    _pair("_tag", _tokens),
    _pair("_security", st.sampled_from(["R", "|local", LABELS[0][0] + "|r"])),
    _pair("_profile", _canonicals),
    _pair("_profile:below", _above_some),
    _pair("_source", _urls),
    _pair("_lastUpdated", st.builds("{}{}".format, st.sampled_from(["gt", "lt", "ge", "sa", "ne", ""]), _instants)),
)
PARAMETERS = {
    "Patient": st.one_of(
        *_EVERYWHERE,
        _pair("name", _beginnings),
        _pair("family:exact", _words),
        _pair("given:contains", st.sampled_from(["n", "NN", "oe", "é", " l"])),
        _pair("gender", st.sampled_from(["male", "FEMALE", "http://hl7.org/fhir/administrative-gender|female"])),
        _pair("gender:not", st.sampled_from(["male", "female"])),
        _pair("active", st.sampled_from(["true", "false"])),
        _pair("identifier", _tokens),
        _pair("birthdate", _searched_dates),
        _pair("general-practitioner:Practitioner", st.sampled_from(IDS)),
        _pair("general-practitioner", _references("Practitioner")),
        _pair("_has:Observation:patient:code", _tokens),
        _pair("_has:Encounter:subject:part-of.class", _tokens),
    ),
    "Observation": st.one_of(
        *_EVERYWHERE,
        _pair("code", _tokens),
        _pair("code:not", _tokens),
        _pair("combo-code", _tokens),
        _pair("subject", _references("Patient") | _references("Group")),
        _pair("subject:Group", st.sampled_from(IDS)),
        _pair("patient", _references("Patient")),
        _pair("encounter", _references("Encounter")),
        _pair("patient.family", _beginnings),
        _pair("subject:Patient.gender:not", st.sampled_from(["male", "female"])),
        _pair("encounter:below", st.sampled_from(IDS)),
        _pair("component-code-value-quantity", st.builds("{}${}{}".format, _tokens, _signs, st.integers(0, 9))),
        _pair("_content", st.sampled_from(["heart", "heart rate", "x1", "final"])),
        _pair("date", _searched_dates),
        _pair("value-string", _beginnings),
        _pair("status", st.sampled_from(["final", "amended"])),
    ),
    "Encounter": st.one_of(
        *_EVERYWHERE,
        _pair("class", _tokens),
        _pair("patient", _references("Patient")),
        _pair("part-of", _references("Encounter")),
        _pair("date", _searched_dates),
    ),
    "Questionnaire": st.one_of(
        *_EVERYWHERE,
        _pair("url", _urls),
        _pair("url:below", _above_some),
        _pair("title:contains", _beginnings),
        _pair("date", _searched_dates),
    ),
    "QuestionnaireResponse": st.one_of(
        *_EVERYWHERE,
        _pair("questionnaire", _canonicals | _references("Questionnaire")),
        _pair("subject:Patient", st.sampled_from(IDS)),
        _pair("authored", _searched_dates),
    ),
}


def _few(parameters: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Mostly one: what several parameters demand together is seldom there."""
    return st.one_of(parameters.map(lambda each: (each,)), st.lists(parameters, max_size=3).map(tuple))


SEARCHES = st.sampled_from(TYPES).flatmap(lambda kind: st.tuples(st.just(kind), _few(PARAMETERS[kind])))

_criteria = SEARCHES.map(lambda search: Matches(search[0], search[1][:1]))
_simple: st.SearchStrategy[Restriction] = st.one_of(
    st.just(ALL),
    st.just(NONE),
    st.builds(InCompartment, st.sampled_from(["Patient", "Encounter", "Practitioner"]), st.sampled_from(IDS)),
    st.sampled_from([HasLabel(*label) for label in LABELS]),
    st.sampled_from([WrittenBy(author) for author in (*AUTHORS, "nobody")]),
    _criteria,
)
_RESTRICTED = st.recursive(
    _simple,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda items: AnyOf(tuple(items))),
        st.lists(inner, max_size=3).map(lambda items: AllOf(tuple(items))),
    ),
    max_leaves=4,
)
RESTRICTIONS: st.SearchStrategy[Restriction] = st.one_of(
    st.sampled_from([ALL, ALL, Not(NONE), Not(WrittenBy("nobody")), Not(HasLabel("", "R"))]), _simple, _RESTRICTED
)

Change = tuple[str, str, Any]
CHANGES = st.one_of(
    st.tuples(st.sampled_from(IDS), st.sampled_from(AUTHORS), PATIENTS),
    st.tuples(st.sampled_from(IDS), st.sampled_from(AUTHORS), OBSERVATIONS),
    st.tuples(st.sampled_from(IDS), st.sampled_from(AUTHORS), RESOURCES),
    st.tuples(st.sampled_from(IDS), st.sampled_from(AUTHORS), st.sampled_from(TYPES)),
)
"""(id, author, a resource to write or the type of one to delete)."""


Json = dict[str, Any]
WORDS = ("Anna", "Çelik", "Zoé", "Ann Lee")
LOINC = {"system": "http://loinc.org", "code": "X1"}


def _inhabitants() -> Iterator[Change]:
    """Resources that have much of what the searches ask for."""
    for at, id in enumerate(IDS):
        author, next_id = AUTHORS[at % 2], IDS[(at + 1) % len(IDS)]
        yield id, author, _patient(at, next_id)
        yield f"a{at}", author, _observation(at, next_id, {"reference": f"Patient/{id}"}, "2020-02-29")
        yield f"b{at}", author, _observation(at, next_id, {"reference": f"Group/{id}"}, {"start": "2020-01-01"})
        yield id, author, _encounter(id, next_id)
        yield id, author, _questionnaire_response(at, id)
        yield id, author, _questionnaire(at)


def _meta(at: int) -> Json:
    security = [{"system": system, "code": code} if system else {"code": code} for system, code in LABELS]
    return {"security": security[: at % 3], "tag": [LOINC], "source": "http://example.org/q"}


def _patient(at: int, next_id: str) -> Json:
    return {
        "resourceType": "Patient",
        "meta": {**_meta(at), "profile": ["http://example.org/q|1.0", "http://example.org/q/1"][at % 2 :]},
        "name": [{"family": WORDS[at], "given": [WORDS[at - 1]]}],
        "gender": ("male", "female")[at % 2],
        "active": at > 1,
        "birthDate": ("2020", "2020-02", "2020-02-29", "1969-12-31")[at],
        "identifier": [{"system": "http://loinc.org", "value": "X1"}, {"value": "a,b"}][at % 2 :],
        "generalPractitioner": [{"reference": f"Practitioner/{next_id}"}],
    }


def _observation(at: int, next_id: str, subject: Json, when: str | Json) -> Json:
    return {
        "resourceType": "Observation",
        "meta": _meta(at),
        "status": "final",
        "code": {"coding": [LOINC, {"code": "x1"}][at % 2 :]},
        "subject": subject,
        "encounter": {"reference": f"Encounter/{next_id}"},
        "valueString": WORDS[at],
        "component": [{"code": {"coding": [{"system": "http://snomed.info/sct", "code": "8867-4"}]}}],
        ("effectiveDateTime" if isinstance(when, str) else "effectivePeriod"): when,
    }


def _encounter(id: str, next_id: str) -> Json:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": LOINC,
        "subject": {"reference": f"Patient/{id}"},
        "partOf": {"reference": f"{BASE}/Encounter/{next_id}/_history/2"},
        "period": {"start": "2020-02-29T10:00:00Z", "end": "2021-06-01"},
    }


def _questionnaire_response(at: int, id: str) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": ("http://example.org/q|1.0", f"{BASE}/Questionnaire/{id}")[at % 2],
        "subject": {"reference": f"Patient/{id}"},
        "authored": "2020-02-29T23:30:00Z",
    }


def _questionnaire(at: int) -> Json:
    return {
        "resourceType": "Questionnaire",
        "status": "active",
        "url": ("http://example.org/q", "http://example.org/q/1")[at % 2],
        "title": WORDS[at],
        "date": ("2020", "2021-01-01")[at % 2],
    }


INHABITANTS = list(_inhabitants())
