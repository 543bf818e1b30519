"""Every case of every JSON file beside this one, over the memory store and over SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def session_runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest, session_runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The application with the resources of one topic in one store."""
    topic, store = request.param
    made = World(session_runner)
    folder = tmp_path_factory.mktemp(topic.name)
    made.open("memory:" if store == "memory" else f"sqlite:///{folder}/fhir.db", topic)
    yield made
    made.close()


def over_every_store() -> list[object]:
    return [
        pytest.param((topic, store), case, id=f"{case.name}-{store}")
        for topic in TOPICS
        for store in STORES
        for case in topic.cases
    ]


@pytest.mark.parametrize(("world", "case"), over_every_store(), indirect=["world"])
def test_case(world: World, case: Case) -> None:
    world.watch.seconds = 0
    if "status" not in case.told:
        problems = list(answer_problems(case, world.pages(case)))
    else:
        reply = world.first(case)
        problems = list(refusal_problems(case, turned(world, case, reply) if "cursor" in case.told else reply))
    if problems:
        asked = f"{case.told['request']} {case.told.get('form', '')}"
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
