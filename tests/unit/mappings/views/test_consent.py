"""Consents: each change says what notice was read, and nothing of before is lost from the resource."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.errors import Unfit
from mappings.views.consent import TYPES, VIEW, grant, revoke
from mappings.views.show import show
from mappings.views.write import write
from profiles.validation.validator import Validator
from tests.fakes.telemed import good, judge, known

NOTICE = ("2026-01", "https://clinic.example/notices/2026-01")
NEWER = ("2026-06", "https://clinic.example/notices/2026-06")
FIRST, LATER, LAST = "2026-01-15T18:00:00+01:00", "2026-06-01T08:00:00.5Z", "2026-07-01T08:00:00Z"


def record(consent: dict[str, Any]) -> dict[str, Any]:
    return show(VIEW, {"Consent": [consent]})


@pytest.mark.parametrize("type", TYPES)
def test_given_taken_back_and_given_again_each_conforms(type: str) -> None:
    given = grant(type, "Patient/p", NOTICE, FIRST) | {"id": "c", "language": "fr"}
    taken = revoke(given, NEWER, LATER)
    again = grant(type, "Patient/p", NEWER, LAST, taken)
    shown = [record(each) for each in (given, taken, again)]
    assert [tuple(each.values()) for each in shown] == [
        (type, "granted", "2026-01", FIRST, None),
        (type, "revoked", "2026-06", FIRST, LATER),
        (type, "granted", "2026-06", LAST, None),
    ]
    judged = judge(known())
    for each, moment, (_, uri) in zip((given, taken, again), (FIRST, LATER, LAST), (NOTICE, NEWER, NEWER), strict=True):
        assert (each["id"], each["language"], each["dateTime"], each["policy"][0]["uri"]) == ("c", "fr", moment, uri)
        issues = [*Validator().validate(each), *judged(each, [], True)]
        assert [issue for issue in issues if issue.severity != "information"] == []


@pytest.mark.parametrize("name", ["consent", "consent-revoked"])
def test_consents_of_the_profile_are_shown(name: str) -> None:
    shown = record(good(name))
    assert shown["type"] in TYPES
    assert (shown["status"] == "revoked") == (shown["revoked_at"] is not None)


def test_a_consent_is_not_taken_back_before_it_was_given() -> None:
    with pytest.raises(Unfit) as caught:
        revoke(grant("research", "Patient/p", NOTICE, LATER), NOTICE, FIRST)
    assert caught.value.fields == {"revoked_at": ["must not be before granted_at"]}


def test_times_and_status_fit() -> None:
    stored = {"Consent": [grant("research", "Patient/p", NOTICE, FIRST)]}
    with pytest.raises(Unfit) as caught:
        write(VIEW, {"status": "revoked", "granted_at": None}, stored)
    assert list(caught.value.fields) == ["revoked_at"]


def test_consents_of_another_sort_are_not_in_the_view() -> None:
    other = good("consent")
    del other["category"][1]
    assert (VIEW.hides(other), VIEW.hides(good("consent"))) == (True, False)
