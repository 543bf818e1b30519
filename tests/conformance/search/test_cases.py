"""Every case of every JSON file beside this one, over the memory store and over SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from profiles.validation.validator import Validator
from tests.conformance.search.cases import Case, Topic, target, topics
from tests.conformance.search.checking import answer_problems, refusal_problems
from tests.conformance.search.world import BASE, Reply, World, link

TOPICS = topics()
STORES = ("memory", "sqlite")
CURSOR = "_cursor"


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()


class Worlds:
    """The world that the last case was asked in; another topic or store gets a new one in its place.

    Cases come sorted by topic and store, so each is opened once.
    """

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder
        self._serial = count(1)
        self._opened: tuple[str, str, World] | None = None

    def of(self, topic: Topic, store: str) -> World:
        """Return the application with the resources of `topic` in a store of the kind `store`."""
        if self._opened is None or self._opened[:2] != (topic.name, store):
            self.close()
            url = "memory:" if store == "memory" else f"sqlite:///{self._folder}/{next(self._serial)}.db"
            world = World(self._runner)
            try:
                world.open(url, topic)
            except BaseException:
                world.close()
                raise
            self._opened = topic.name, store, world
        return self._opened[2]

    def close(self) -> None:
        """Close what is open."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened[2].close()


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with asyncio.Runner() as runner:
        made = Worlds(runner, tmp_path_factory.mktemp("search"))
        yield made
        made.close()


def over_every_store() -> list[object]:
    return [
        pytest.param(topic, store, case, id=f"{case.name}-{store}")
        for topic in TOPICS
        for store in STORES
        for case in topic.cases
    ]


@pytest.mark.parametrize(("topic", "store", "case"), over_every_store())
def test_case(worlds: Worlds, topic: Topic, store: str, case: Case) -> None:
    world = worlds.of(topic, store)
    world.watch.seconds = 0
    if "status" not in case.told:
        problems = list(answer_problems(case, world.pages(case)))
    else:
        reply = world.first(case)
        problems = list(refusal_problems(case, turned(world, case, reply) if "cursor" in case.told else reply))
    if problems:
        asked = f"{case.told['request']} {case.told.get('form', '')}".rstrip()
        pytest.fail("\n  ".join((asked, case.told["why"], case.section, *problems)), pytrace=False)


def turned(world: World, case: Case, reply: Reply) -> Reply:
    """Return the answer to the next link after `cursor` has been done to it."""
    following = link(reply, "next")
    if following is None:
        pytest.fail(f"{case.told['request']}\n  no next link to try, found {reply.status}", pytrace=False)
    how = case.told["cursor"]
    world.watch.seconds = how.get("seconds", 0)
    cursor = dict(parse_qsl(urlsplit(following).query))[CURSOR]
    if how.get("tampered"):
        middle = len(cursor) // 2
        changed = cursor[:middle] + ("B" if cursor[middle] == "A" else "A") + cursor[middle + 1 :]
        following = following.replace(cursor, changed)
    if "of" in how:
        _, path, query = target(f"GET {how['of']}")
        following = f"{BASE}/{path}?{query}&{CURSOR}={cursor}"
    return world.ask("GET", following, case.told.get("headers"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_resources_are_valid(validator: Validator, topic: Topic) -> None:
    put = [step["put"] for case in topic.cases for step in case.told.get("during", ()) if "put" in step]
    put += [step["put"] for step in topic.steps if "put" in step]
    for resource in (*topic.resources, *put):
        errors = [issue for issue in validator.validate(resource) if issue.is_error]
        assert errors == [], f"{resource['resourceType']}/{resource['id']}"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_case_names_only_resources_of_its_topic(topic: Topic) -> None:
    there = {f"{each['resourceType']}/{each['id']}" for each in topic.resources}
    there |= {f"{step['put']['resourceType']}/{step['put']['id']}" for step in topic.steps if "put" in step}
    for case in topic.cases:
        named = [key for what in ("ids", "ordered", "included", "shows") for key in case.told.get(what, ())]
        assert {key.partition("#")[0] for key in named} <= there, case.name
