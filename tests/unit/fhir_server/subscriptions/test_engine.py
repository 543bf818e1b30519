"""Events are kept once, delivered by one process, and only as their owners may see them at that moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from auth.rights import Rights, limited
from fhir_server.interactions.call import ANONYMOUS
from fhir_server.interactions.subscribing.entry import entry_of
from fhir_server.interactions.subscribing.tables import EVENTS, progress_of
from fhir_server.interactions.telling.owners import OwnerGone, Standing
from fhir_server.subscriptions.engine import NAME
from fhir_server.subscriptions.lease import SECONDS, Lease
from fhir_server.subscriptions.roster import Condition, conditions_of
from profiles.restriction import About, Matches
from realtime.subscriptions.backoff import Backoff
from tests.fakes.server import observation, patient
from tests.unit.fhir_server.subscriptions.conftest import House

pytestmark = pytest.mark.anyio


async def write(house: House, *ids: str, **more: object) -> None:
    for id in ids:
        await house.server.put(observation("Patient/p", id, **more))


def seeing(rights: Rights) -> Standing:
    return Standing(replace(ANONYMOUS, rights=rights))


async def test_of_several_processes_one_delivers(house: House) -> None:
    async with house.at_work(alone=False), house.at_work(alone=False), house.at_work(alone=False):
        await house.subscribe()
        await write(house, *(f"o{number}" for number in range(20)))
        taken = await house.taken(20)
        await write(house, "last")
        taken = await house.taken(21)
    assert [each.path for each in taken] == [f"Observation/o{number}" for number in range(20)] + ["Observation/last"]


async def test_another_process_takes_over_from_one_that_died(house: House) -> None:
    services = house.server.services
    async with house.at_work(alone=False):
        await house.subscribe()
    # A process that took the lease and was killed before it did anything.
    assert await Lease(services.store, NAME, services.now, alone=False).hold()
    await write(house, "o")
    async with house.at_work(alone=False):
        house.server.clock.advance(SECONDS - 1)
        await write(house, "p")
        assert house.endpoint.taken == []
        house.server.clock.advance(2)
        taken = await house.taken(2)
    assert [each.path for each in taken] == ["Observation/o", "Observation/p"]


async def test_what_is_not_acknowledged_waits_in_the_store(house: House) -> None:
    async with house.at_work(backoff=Backoff(first=3600)):
        id = await house.subscribe()
        house.endpoint.refuses = 1
        await write(house, "a", "b")

        async def failures() -> int:
            return (await progress_of(house.server.services.store, id)).failures

        await house.until(failures, lambda number: number == 1)
    house.server.clock.advance(3601)
    async with house.at_work():
        taken = await house.taken(2)
    assert [each.path for each in taken] == ["Observation/a", "Observation/b"]
    assert [each.upto for each in taken] == [1, 2]


async def test_what_is_taken_within_a_moment_is_acknowledged_by_one_commit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.courier.TOGETHER", 60)
    store = house.server.services.store
    async with house.at_work():
        id = await house.subscribe()
    await write(house, *(f"o{number}" for number in range(30)))
    commits: list[int] = []
    commit = store.write

    async def counted(work: Any) -> Any:
        before = (await progress_of(store, id)).acknowledged
        done = await commit(work)
        commits.append((await progress_of(store, id)).acknowledged - before)
        return done

    monkeypatch.setattr(store, "write", counted)
    async with house.at_work():
        taken = await house.taken(30)
        await house.until(lambda: progress_of(store, id), lambda progress: progress.acknowledged == 30)
    assert [each.path for each in taken] == [f"Observation/o{number}" for number in range(30)]
    assert [each for each in commits if each] == [30]
    assert len([row for row in await house.server.audit_rows() if row.action == "notify"]) == 30


async def test_what_was_taken_before_the_server_stops_is_not_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.courier.TOGETHER", 60)
    async with house.at_work():
        id = await house.subscribe()
    await write(house, "a", "b", "c")

    async def during() -> None:
        if len(house.endpoint.taken) == 3:
            await asyncio.Event().wait()

    house.endpoint.during = during
    async with house.at_work():
        await house.taken(3)
    assert (await progress_of(house.server.services.store, id)).acknowledged == 2
    house.endpoint.during = None
    async with house.at_work():
        taken = await house.taken(4)
    assert [each.path[-1] for each in taken] == ["a", "b", "c", "c"]


async def test_what_is_taken_before_another_one_is_refused_is_not_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.courier.TOGETHER", 60)
    async with house.at_work():
        await house.subscribe()
    await write(house, "a", "b", "c")

    async def during() -> None:
        house.endpoint.refuses = 1 if len(house.endpoint.taken) == 2 else 0

    house.endpoint.during = during
    async with house.at_work():
        taken = await house.taken(3)
    assert [each.path[-1] for each in taken] == ["a", "b", "c"]


async def test_one_that_cannot_be_compared_is_off_and_keeps_nobody_from_hearing(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the server's in the criteria of one of them."""

    def strange(condition: Condition, method: str, before: object, after: object) -> bool:
        if condition == strange_one:
            raise ValueError("Ann's observation")
        return True

    async with house.at_work():
        broken = await house.subscribe("Observation?status=final")
        fine = await house.subscribe("Observation")
        strange_one = conditions_of(
            house.server.services,
            (await entry_of(house.server.services.store, broken)).asked,  # type: ignore[union-attr]
        )["Observation"][0]
        monkeypatch.setattr(Condition, "is_met", strange)
        await write(house, "a", "b")
        taken = await house.taken(2)
        await house.until(lambda: house.status(broken), lambda status: status == "off")
        assert await house.status(fine) == "active"
    assert [each.path for each in taken] == ["Observation/a", "Observation/b"]
    assert "the server failed" in (await house.server.show(f"Subscription/{broken}"))["error"]
    assert "Ann" not in caplog.text


async def test_whose_owner_is_gone_is_off_and_says_why(house: House) -> None:
    async with house.at_work():
        id = await house.subscribe()
        house.standing = OwnerGone("The account of the owner cannot be used any more.")
        await write(house, "a")
        await house.until(lambda: house.status(id), lambda status: status == "off")
    found = await house.server.show(f"Subscription/{id}")
    assert found["error"] == "The account of the owner cannot be used any more."
    assert house.endpoint.taken == []


async def test_who_has_changed_is_asked_for_at_once(house: House) -> None:
    """Nothing is written, and still the subscription says that its owner is gone."""
    async with house.at_work() as engine:
        id = await house.subscribe()
        house.standing = OwnerGone("The account of the owner cannot be used any more.")
        engine.recall(account="somebody else")
        engine.recall()
        await house.until(lambda: house.status(id), lambda status: status == "off")


async def test_a_type_out_of_the_scope_of_its_owner_is_not_followed(house: House) -> None:
    house.standing = seeing(limited(About("p"), ["Patient"]))
    async with house.at_work():
        made = await house.server.do(
            "create",
            "Subscription",
            resource={
                "resourceType": "Subscription",
                "status": "requested",
                "reason": "to know",
                "criteria": "Observation",
                "channel": {"type": "rest-hook", "endpoint": "https://x.example"},
            },
        )
        id = str(made.location).split("/")[1]
        await house.until(lambda: house.status(id), lambda status: status == "off")
    assert "Observation" in (await house.server.show(f"Subscription/{id}"))["error"]


async def test_what_the_owner_may_not_see_is_no_event(house: House) -> None:
    house.standing = seeing(limited(About("mine"), ["Observation"]))
    async with house.at_work():
        id = await house.subscribe()
        await write(house, "other")
        await house.server.put(observation("Patient/mine", "own"))
        taken = await house.taken(1)
    assert [each.path for each in taken] == ["Observation/own"]
    assert len(await house.server.services.store.records.scan(EVENTS.name)) == 1
    assert (await progress_of(house.server.services.store, id)).events == 1


async def test_an_old_version_is_judged_by_criteria_too(house: House) -> None:
    """A right by search criteria, as of a granular scope: the store indexes current versions alone."""
    house.standing = seeing(limited(Matches("Observation", (("status", "final,amended"),)), ["Observation"]))
    async with house.at_work():
        await house.subscribe()
    await write(house, "o")
    await write(house, "o", status="amended")
    await write(house, "hidden", status="preliminary")
    await write(house, "hidden", status="final")
    async with house.at_work():
        taken = await house.taken(3)
    assert [(each.path, each.shown) for each in taken] == [
        ("Observation/o", ("Observation/o/_history/1",)),
        ("Observation/o", ("Observation/o/_history/2",)),
        ("Observation/hidden", ("Observation/hidden/_history/2",)),
    ]


async def test_one_that_is_deleted_while_something_is_delivered_repeats_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follower hears of it much later than the courier wants to write that the event is taken."""
    async with house.at_work():
        id = await house.subscribe()

        async def during() -> None:
            house.endpoint.during = None
            monkeypatch.setattr("fhir_server.subscriptions.engine.EVERY", 1.0)
            await house.server.do("delete", f"Subscription/{id}")

        house.endpoint.during = during
        await write(house, "o")
        await house.taken(1)
        await asyncio.sleep(1.5)
    assert [each.path for each in house.endpoint.taken] == ["Observation/o"]


async def test_what_was_there_before_a_subscription_is_not_told(house: House) -> None:
    await write(house, "before")
    async with house.at_work():
        await house.subscribe()
        await write(house, "after")
        taken = await house.taken(1)
    assert [each.path for each in taken] == ["Observation/after"]


async def test_what_one_transaction_asks_for_and_writes_is_not_told(house: House) -> None:
    """A subscription counts from the commit that asks for it, which it does not hear of."""
    async with house.at_work():
        await house.subscribe("Patient")
        await house.server.put(patient("p"))
        (taken,) = await house.taken(1)
    assert taken.path == "Patient/p"
