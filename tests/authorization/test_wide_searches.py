"""Searches over every type at once are answered for whoever is limited by relations and consents, as for anybody."""

from __future__ import annotations

import pytest

from profiles.definitions import resource_types
from tests.authorization import expected
from tests.authorization.clinic import BY_PATIENT
from tests.fakes.asking import Asking

LIMITED = ("patient", "unrelated", "related", "ended", "glass")


def searched(who: str) -> list[str]:
    """Return the types in scope; what is found by its id alone is not among many."""
    return [type for type in resource_types() if type != "Binary" and expected.reading(who, type) != "out"]


def total(server: Asking, who: str, path: str) -> int:
    found: int = server.ask(who, "GET", f"{path}&_summary=count").json["total"]
    return found


@pytest.mark.parametrize("who", LIMITED)
def test_everything_changed_since_is_what_each_type_gives(shared: Asking, who: str) -> None:
    found = shared.ask(who, "GET", "?_lastUpdated=gt2000&_total=accurate&_count=1000")
    assert found.status == 200
    types = {each.partition("/")[0] for each in found.ids}
    assert {expected.reading(who, type) for type in types} <= {"a", "all"}
    assert found.json["total"] == sum(total(shared, who, f"?_type={type}") for type in searched(who))


@pytest.mark.parametrize("who", LIMITED)
def test_a_whole_compartment_is_what_its_types_give(shared: Asking, who: str) -> None:
    found = shared.ask(who, "GET", "Patient/a/*?_total=accurate&_count=1000")
    assert found.status == 200
    types = {each.partition("/")[0] for each in found.ids}
    assert bool(types) is (who in ("patient", "related", "glass"))
    assert {expected.reading(who, type) for type in types} <= {"a"}
    inside = (type for type in searched(who) if type in BY_PATIENT - {"Device", "Task"})
    assert found.json["total"] == sum(total(shared, who, f"Patient/a/*?_type={type}") for type in inside)


def test_many_types_by_name_are_searched_at_once(shared: Asking) -> None:
    types = sorted(type for type in BY_PATIENT - {"Binary"} if expected.reading("related", type) == "a")
    assert len(types) > 60
    found = shared.ask("related", "GET", f"?_type={','.join(types)}&_id=a,b&_sort=-_lastUpdated&_count=1000")
    assert found.status == 200
    assert sorted(found.ids) == sorted(f"{type}/a" for type in types)
