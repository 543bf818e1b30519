"""The policy file: what it says is read as it is written, and what means nothing is refused with its place."""

from __future__ import annotations

import pytest

from auth.policy_file import PolicyError, read_policy
from profiles import definitions
from profiles.ownership import record_types

ROW = '[roles.x]\nallow = [{ actions = ["read"], types = ["Patient"], where = "all" }]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[roles", "TOML"),
        ("", "no roles"),
        ("[rolls.x]\n", "rolls"),
        (ROW.replace('"read"', '"reed"'), "reed"),
        (ROW.replace('"Patient"', '"Patent"'), "Patent"),
        (ROW.replace('"all"', '"everything"'), "where has 'everything'"),
        (ROW.replace('"all"', '["own", "writen"]'), "[roles.x] row 1: where has 'writen'"),
        (ROW.replace('"all"', '["own", 1]'), "where has 1"),
        (ROW.replace('"all"', '["own", ["authored"]]'), "where has ['authored']"),
        (ROW.replace('"all"', "[]"), "empty list"),
        (ROW.replace('"all"', '"?"'), "where"),
        (ROW.replace('"all"', "1"), "where"),
        (ROW.replace(', where = "all"', ""), "row 1"),
        (ROW + 'powers = ["fly"]\n', "fly"),
        (ROW + "colour = 1\n", "colour"),
        (ROW.replace("Patient", "a") + '[groups]\na = ["b"]\nb = ["a"]\n', "itself"),
        (ROW + '[labels]\nhidden = ["R"]\n', "system|code"),
        (ROW + "[relations]\ndays_after = -1\n", "days_after"),
        (ROW + '[relations]\nopened_by = ["y"]\n', "opened_by"),
    ],
)
def test_a_file_that_means_nothing_is_refused_with_the_place(text: str, told: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(text)
    assert told in str(caught.value)


def test_what_is_taken_away_stays_away_until_it_is_named_again() -> None:
    text = ROW.replace('["Patient"]', '["*", "!record", "Patient"]')
    types = read_policy(text).roles["x"].rows[0].types
    assert types == (set(definitions.resource_types()) - set(record_types())) | {"Patient"}


def test_purposes_are_read_and_checked() -> None:
    assert read_policy('[purposes]\nallowed = ["HRESCH"]\n[roles.a]').purposes == {"HRESCH"}
    with pytest.raises(PolicyError, match=r"\[purposes\]"):
        read_policy('[purposes]\nrefused = ["HRESCH"]\n[roles.a]')


def test_where_is_one_condition_or_a_list_of_them() -> None:
    for where, conditions in (
        ('"own"', ("own",)),
        ('["own"]', ("own",)),
        ('["own", "authored", "own"]', ("own", "authored")),
        ('["authored", "?status=draft"]', ("authored", "?status=draft")),
    ):
        assert read_policy(ROW.replace('"all"', where)).roles["x"].rows[0].where == conditions


def test_what_no_condition_is_is_told_with_those_there_are() -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(ROW.replace('"all"', '["own", "writen"]'))
    assert "all, own, related, authored, mine" in str(caught.value)
    assert "must all hold" in str(caught.value)
