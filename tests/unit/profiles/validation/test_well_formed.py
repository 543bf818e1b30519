"""Whether definitions have the JSON kinds that their types say."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.well_formed import well_formed

SET: dict[str, Any] = {"resourceType": "ValueSet", "url": "http://a", "status": "draft"}


@pytest.mark.parametrize(
    "resource",
    [
        SET,
        {**SET, "status": "no status", "date": "no date", "unknown": 1},
        {**SET, "compose": {"include": [{"concept": [{"code": "a"}]}]}},
        {**SET, "contained": [{"anything": 1}]},
        {**SET, "_url": {"extension": "not looked at"}},
    ],
)
def test_what_has_the_right_kinds_is(resource: dict[str, Any]) -> None:
    assert well_formed(resource)


@pytest.mark.parametrize(
    "resource",
    [
        None,
        [],
        {},
        {"resourceType": 1},
        {"resourceType": "Nothing"},
        {"resourceType": "ValueSet"},
        {**SET, "url": 1},
        {**SET, "experimental": "true"},
        {**SET, "compose": []},
        {**SET, "compose": {}},
        {**SET, "compose": {"include": {}}},
        {**SET, "compose": {"include": [None]}},
        {**SET, "compose": {"include": [{"concept": [{}]}]}},
        {**SET, "compose": {"include": [{"valueSet": [None]}]}},
        {**SET, "contained": ["a"]},
    ],
)
def test_what_has_other_kinds_is_not(resource: Any) -> None:
    assert not well_formed(resource)
