"""Accounts: one per address, whatever way that is written."""

from __future__ import annotations

import pytest

from auth import accounts
from auth.accounts import Totp, account_by_email, account_of, as_role, change, every, normalised
from auth.errors import Invalid
from fhir_server.store.base import RecordConflict
from tests.fakes.authority import Authority


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Marie.Curie@Example.ORG ", "marie.curie@example.org"),
        ("zoé@exämple.fr", "zoé@exämple.fr"),
        ("zoe\u0301@example.fr", "zoé@example.fr"),
        ("a@xn--exmple-cua.fr", "a@exämple.fr"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert normalised(given) == kept


@pytest.mark.parametrize(
    "given", ["", "a", "a@", "@b.fr", "a@b@c.fr", "a b@c.fr", "a@b..fr", "a\n@b.fr", "a@b.fr\nBcc: x"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalised(given)
    assert list(caught.value.fields) == ["email"]


def test_roles_are_three() -> None:
    assert as_role("doctor") == "doctor"
    with pytest.raises(Invalid):
        as_role("root")


async def test_an_account_is_read_back_as_it_was_kept(authority: Authority) -> None:
    made = await authority.account(totp=Totp("ABC", 7, True), recovery=("x", "y"), rpps="10101201234", locale="en")
    assert await account_of(authority.store.records, made.id) == made
    assert await account_by_email(authority.store.records, made.email) == made
    assert await account_of(authority.store.records, "nobody") is None


async def test_an_address_is_taken_once(authority: Authority) -> None:
    first = await authority.account("ann@example.org")
    with pytest.raises(RecordConflict):
        await authority.store.write(
            lambda tx: accounts.put(tx, accounts.Account("b", first.email, "doctor", "active", 1))
        )


async def test_a_change_keeps_the_rest(authority: Authority) -> None:
    made = await authority.account()
    changed = await authority.store.write(lambda tx: change(tx, made.id, status="disabled"))
    assert changed is not None
    assert (changed.status, changed.email, changed.password) == ("disabled", made.email, made.password)
    assert await authority.store.write(lambda tx: change(tx, "nobody", status="disabled")) is None


async def test_all_accounts_are_walked_by_id(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "PAGE", 2)
    for name in ("c", "a", "e", "b", "d"):
        await authority.account(f"{name}@example.org")
    assert [each.id async for each in every(authority.store.records)] == ["a", "b", "c", "d", "e"]
