"""An authorization server over each kind of store, with a patient and a doctor who may see her."""

from __future__ import annotations

import asyncio

import pytest

from auth.smart.context import Person
from tests.fakes.apps import Apps, apps_of
from tests.fakes.authority import Authority

ANN = Person("ann", "Ann Martin", "1985-03-02")


@pytest.fixture
def apps(runner: asyncio.Runner, authority: Authority) -> Apps:
    """The server with the accounts `ann` and `doc`, and the public app `app`."""

    async def make() -> Apps:
        made = await apps_of(authority)
        await authority.account()
        await authority.account("doc@example.org", "doctor")
        await authority.account("ben@example.org")
        made.folk.seen = {"ann": [ANN], "doc": [ANN, Person("bob", "Bob Petit")], "ben": [Person("ben", "Ben")]}
        await made.client()
        return made

    return runner.run(make())
