"""What patient a observes is the same whether there is data of patient b or not.

Two servers get the same resources of a and of nobody; one of them gets some of b as well, before, between and after.
Then a asks the same questions of both, reads and writes in random forms, and everything that comes back must be equal:
status, headers, body. Left out are the date and request id, times and positions of commits, and ids the server makes.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.asking import Answer, Asking
from tests.fakes.callers import patient

WORLDS = 40
QUESTIONS = 80
EXERCISED: Counter[str] = Counter()
Json = dict[str, Any]

CODES, DATES, WORDS = ("x", "y", "z"), ("2020-01-01", "2021-06-15", "2024-12-31"), ("anna", "ben", "zoe")
TYPES = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "CareTeam",
    "Device",
    "Group",
    "Organization",
    "Provenance",
)
HEADERS = frozenset(("x-request-id", "date", "last-modified", "content-length"))
_VARYING = re.compile(
    r'"(lastUpdated|timestamp)":"[^"]*"|_cursor=[^"&]*|new-\d+|"(?:recorded|issued)":"[^"]*"|W/\\?"\d+\\?"(?=,"lastModified")'
)


def resource(random: Random, who: str, number: int) -> Json:
    """Return something of `who`, which may name the other patient in a part that does not make it theirs."""
    pick, type = random.choice, random.choice(TYPES)
    own, other = {"reference": f"Patient/{who}"}, {"reference": f"Patient/{'b' if who == 'a' else 'a'}"}
    made: Json = {"resourceType": type, "id": who if type == "Patient" else f"{type[:3].lower()}-{who}{number}"}
    coded = {"coding": [{"system": "http://c", "code": pick(CODES)}]}
    match type:
        case "Patient":
            made |= {"name": [{"family": pick(WORDS)}], "birthDate": pick(DATES), "gender": pick(("male", "female"))}
            made |= {"identifier": [{"system": "urn:s", "value": pick(CODES)}]}
            made |= {"link": [{"other": other, "type": "seealso"}]} if random.random() < 0.3 else {}
        case "Observation":
            made |= {"status": "final", "code": coded, "subject": own, "effectiveDateTime": pick(DATES)}
            made |= {"performer": [pick((own, other))]} | ({"focus": [other]} if random.random() < 0.5 else {})
            made |= {"valueQuantity": {"value": random.randint(1, 9), "unit": "kg"}}
        case "Condition":
            made |= {"subject": own, "code": coded, "asserter": pick((own, other))}
        case "Encounter":
            made |= {"status": "finished", "class": {"code": "AMB"}, "subject": own}
        case "CareTeam":
            made |= {"status": "active", "subject": own, "participant": [{"member": other}]}
        case "Device":
            made |= {"status": "active", "patient": own}
        case "Group":
            made |= {"type": "person", "actual": True, "member": [{"entity": own}, {"entity": other}]}
        case "Provenance":
            made |= {"target": [own], "recorded": "2024-01-01T00:00:00Z", "agent": [{"who": other}]}
        case "Organization":
            made |= {"name": pick(WORDS)}
    return made


def question(random: Random) -> tuple[str, str, Any, dict[str, str]]:
    """Return a request that a makes: method, path, body, headers."""
    pick = random.choice
    kind = pick(("search", "search", "search", "read", "history", "write", "conditional", "delete", "bundle"))
    type = pick(("Observation", "Observation", "Patient", "Condition", "Encounter", "CareTeam", "Device", "Group"))
    id = pick(("a", "b", f"{type[:3].lower()}-a{random.randint(0, 9)}", f"{type[:3].lower()}-b{random.randint(0, 9)}"))
    match kind:
        case "search":
            path = pick((type, type, "", f"Patient/{pick('ab')}/{type}"))
            return "GET", f"{path}?{criteria(random)}", None, {"prefer": "handling=lenient"}
        case "read":
            conditional = {"if_none_match": 'W/"1"'} if random.random() < 0.3 else {}
            return pick(("GET", "HEAD")), f"{type}/{id}{pick(('', '/_history', '/_history/1'))}", None, conditional
        case "history":
            return "GET", pick((f"{type}/_history", "_history", f"{type}/_history?_count=2")), None, {}
        case "delete":
            return "DELETE", f"{type}/{id}", None, {}
        case "conditional":
            body = resource(random, pick("aab"), random.randint(0, 9))
            body.pop("id")
            where = f"{pick(('identifier', '_id', 'code'))}={pick((*CODES, 'a', 'b'))}"
            if random.random() < 0.5:
                return "POST", body["resourceType"], body, {"if_none_exist": where}
            return "PUT", f"{body['resourceType']}?{where}", body, {}
        case "bundle":
            entries = [{"request": {"method": "GET", "url": f"{pick(TYPES)}?{criteria(random)}"}} for _ in range(2)]
            entries.append({"request": {"method": "GET", "url": f"{type}/{id}"}})
            return "POST", "", {"resourceType": "Bundle", "type": pick(("batch", "transaction")), "entry": entries}, {}
    body = resource(random, pick("aab"), random.randint(0, 9))
    return pick(("PUT", "POST")), _place(body, random), body, {}


def _place(body: Json, random: Random) -> str:
    if random.random() < 0.5:
        return f"{body['resourceType']}/{body['id']}"
    return str(body["resourceType"])


def criteria(random: Random) -> str:
    """Return some parameters, hops among them."""
    pick = random.choice
    each = (
        lambda: f"_id={pick(('a', 'b', 'obs-a1', 'obs-b1'))}",
        lambda: f"code={pick(CODES)}",
        lambda: f"subject=Patient/{pick('ab')}",
        lambda: f"patient={pick('ab')}",
        lambda: f"performer=Patient/{pick('ab')}",
        lambda: f"focus:Patient.family={pick(WORDS)}",
        lambda: f"subject.birthdate={pick(('ge', 'lt', ''))}{pick(DATES)}",
        lambda: f"_has:Observation:{pick(('focus', 'performer', 'subject'))}:code={pick(CODES)}",
        lambda: f"_has:CareTeam:participant:status={pick(('active', 'inactive'))}",
        lambda: f"link:Patient.name={pick(WORDS)}",
        lambda: f"family={pick(WORDS)}",
        lambda: f"date=ge{pick(DATES)}",
        lambda: f"value-quantity=gt{random.randint(1, 9)}",
        lambda: f"_sort={pick(('', '-'))}{pick(('_lastUpdated', 'date', '_id', 'code'))}",
        lambda: f"_count={random.randint(0, 3)}",
        lambda: "_total=accurate",
        lambda: "_summary=count",
        lambda: (
            f"_include={pick(('Observation:focus', 'Observation:performer', 'Patient:link', '*', 'Observation:*'))}"
        ),
        lambda: f"_revinclude={pick(('Observation:focus', 'Observation:performer', 'CareTeam:participant'))}",
        lambda: "_revinclude:iterate=Provenance:target&_include:iterate=Patient:link",
        lambda: "performer:missing=false",
        lambda: f"_type={','.join(random.sample(TYPES, 2))}",
    )
    return "&".join(pick(each)() for _ in range(random.randint(1, 3)))


def observed(answer: Answer) -> tuple[Any, ...]:
    """Return what a caller sees of an answer, less what two servers may differ in."""
    headers = {name: _VARYING.sub("?", value) for name, value in answer.headers.items() if name not in HEADERS}
    return answer.status, headers, _VARYING.sub("?", answer.body.decode())


def compare(seed: int) -> None:
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("alone", "beside")]
        for path in paths:
            path.mkdir()
        alone, beside = (Asking.on_file(path) for path in paths)
        try:
            _ask_both(random, alone, beside)
        finally:
            alone.close()
            beside.close()


def _ask_both(random: Random, alone: Asking, beside: Asking) -> None:
    for server in (alone, beside):
        server.named("a", patient("a"))
    for number in range(12):
        own, others = resource(random, "a", number), resource(random, "b", number)
        for server in (alone, beside):
            server.ask("owner", "PUT", f"{own['resourceType']}/{own['id']}", own)
        if others["resourceType"] != "Organization":
            beside.ask("owner", "PUT", f"{others['resourceType']}/{others['id']}", others)
    for number in range(QUESTIONS):
        method, path, body, headers = question(random)
        answers = [server.ask("a", method, path, body, **headers) for server in (alone, beside)]
        assert observed(answers[0]) == observed(answers[1]), (method, path, body, headers)
        EXERCISED[f"{method} {answers[0].status}"] += 1
        if number % 10 == 9:
            others = resource(random, "b", number)
            if others["resourceType"] != "Organization":
                beside.ask("owner", "PUT", f"{others['resourceType']}/{others['id']}", others)


@settings(max_examples=WORLDS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def interferes(seed: int) -> None:
    compare(seed)


def test_the_data_of_others_makes_no_difference(capsys: Any) -> None:
    EXERCISED.clear()
    interferes()
    with capsys.disabled():
        counts = (f"{name}: {count}" for name, count in sorted(EXERCISED.items()))
        print("\nnon-interference:", ", ".join(counts))  # noqa: T201
    assert {"GET 200", "GET 404", "GET 403", "PUT 405", "DELETE 404", "POST 201", "POST 403", "PUT 200"} <= set(
        EXERCISED
    )
