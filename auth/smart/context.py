"""What an app can be about, as its users choose it: a patient, and one of the patient's encounters.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-context-data
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from auth.accounts import Account


@dataclass(frozen=True, slots=True)
class Person:
    """A patient to choose: logical id, and how people call them."""

    id: str
    name: str
    birth_date: str | None = None


@dataclass(frozen=True, slots=True)
class Encounter:
    """An encounter to choose: logical id, its day, and what sort it is, in words."""

    id: str
    date: str | None = None
    text: str = ""


class People(Protocol):
    """The patients that an account may see, as the host knows them."""

    async def search(self, account: Account, text: str) -> Sequence[Person]:
        """Return some whose name begins with `text`; the first ones when it is empty."""
        ...

    async def person(self, account: Account, id: str) -> Person | None:
        """Return the patient with that id, if the account may see it."""
        ...

    async def encounters(self, account: Account, patient: str) -> Sequence[Encounter]:
        """Return the latest encounters of that patient which the account may see."""
        ...

    async def encounter(self, account: Account, id: str, patient: str | None) -> Encounter | None:
        """Return the encounter with that id, if it is of that patient and the account may see it."""
        ...
