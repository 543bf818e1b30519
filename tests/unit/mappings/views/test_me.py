"""A user: what the account says is shown as given and never written, names of others are one line."""

from __future__ import annotations

import pytest

from mappings.errors import Unfit
from mappings.views.me import me
from mappings.views.show import show
from mappings.views.write import write
from tests.fakes.foreign_notes import PATIENT

GIVEN = {"email": "a@x.example", "role": "patient", "status": "active", "locale": "fr"}


def test_a_patient_of_others_is_shown_by_given_names_and_family_name() -> None:
    patient = PATIENT | {
        "birthDate": "1867-11-07",
        "telecom": [{"system": "email", "value": "b@x"}, {"system": "phone", "value": "+33 1", "use": "home"}],
    }
    assert show(me("Patient"), {"Patient": [patient]}, GIVEN) == {
        "id": "anna",
        "email": "a@x.example",
        "role": "patient",
        "status": "active",
        "name": "Anna Eva Meyer",
        "phone": "+33 1",
        "birth_date": "1867-11-07",
        "locale": "fr",
        "confirmed_at": None,
        "inserted_at": None,
    }
    changed = write(me("Patient"), {"phone": "+33 2", "email": "z@x.example"}, {"Patient": [patient]})
    assert changed["Patient"][0]["telecom"] == [
        {"system": "email", "value": "b@x"},
        {"system": "phone", "value": "+33 2", "use": "home"},
    ]


def test_a_part_of_a_date_is_no_birth_date() -> None:
    with pytest.raises(Unfit) as caught:
        write(me("Person"), {"birth_date": "1867"})
    assert list(caught.value.fields) == ["birth_date"]


def test_only_people_are_users() -> None:
    with pytest.raises(ValueError, match="Device is not among"):
        me("Device")
