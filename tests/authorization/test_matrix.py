"""Every resource type, every interaction, every kind of caller, inside this process; `test_matrix_over_http` beside."""

from __future__ import annotations

import pytest

from tests.authorization import matrix
from tests.authorization.clinic import CALLERS
from tests.authorization.matrix import EVERY, KEPT, OF_PATIENTS
from tests.fakes.asking import Asking


@pytest.mark.parametrize(("who", "type"), KEPT)
def test_reading(shared: Asking, who: str, type: str) -> None:
    matrix.check_reading(shared, who, type)


@pytest.mark.parametrize(("who", "type"), KEPT)
def test_searching(shared: Asking, who: str, type: str) -> None:
    matrix.check_searching(shared, who, type)


@pytest.mark.parametrize(("who", "type"), EVERY)
def test_creating(shared: Asking, who: str, type: str) -> None:
    matrix.check_creating(shared, who, type)


@pytest.mark.parametrize(("who", "type"), EVERY)
def test_changing(shared: Asking, who: str, type: str) -> None:
    matrix.check_changing(shared, who, type)


@pytest.mark.parametrize("type", OF_PATIENTS)
def test_a_patient_changes_what_the_patient_wrote(shared: Asking, type: str) -> None:
    matrix.check_changing_what_a_patient_wrote(shared, type)


@pytest.mark.parametrize(("who", "type"), EVERY)
def test_deleting(shared: Asking, who: str, type: str) -> None:
    matrix.check_deleting(shared, who, type)


@pytest.mark.parametrize(("who", "type"), KEPT)
def test_choosing_an_id(shared: Asking, who: str, type: str) -> None:
    matrix.check_choosing_an_id(shared, who, type)


@pytest.mark.parametrize("who", CALLERS)
def test_the_audit_trail_is_in_scope_or_not(shared: Asking, who: str) -> None:
    matrix.check_trail(shared, who)


@pytest.mark.parametrize("who", CALLERS)
def test_the_history_of_everything_shows_what_is_within_reach(shared: Asking, who: str) -> None:
    matrix.check_history(shared, who)
