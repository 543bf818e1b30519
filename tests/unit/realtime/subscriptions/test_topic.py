"""Topics from files: what R5 says of SubscriptionTopic.resourceTrigger, and what is refused."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from realtime.subscriptions.topic import Topic, TopicError, Trigger, read_topic

DONE: dict[str, Any] = {
    "resourceType": "SubscriptionTopic",
    "url": "http://example.org/topics/done",
    "status": "active",
    "resourceTrigger": [
        {
            "resource": "http://hl7.org/fhir/StructureDefinition/Encounter",
            "supportedInteraction": ["create", "update"],
            "queryCriteria": {"previous": "status:not=finished", "current": "status=finished", "requireBoth": True},
        }
    ],
    "canFilterBy": [{"filterParameter": "patient"}, {"resource": "Encounter", "filterParameter": "class"}],
    "notificationShape": [{"resource": "Encounter", "include": ["Encounter:patient"]}],
}


def test_a_topic_is_read() -> None:
    topic = read_topic(DONE)
    assert topic.types == ("Encounter",)
    assert topic.filters == {"Encounter": frozenset(("patient", "class"))}
    assert topic.includes == {"Encounter": ("patient",)}


@pytest.mark.parametrize(
    ("interaction", "previous", "current", "fires"),
    [
        ("update", True, True, True),
        ("update", False, True, False),
        ("update", True, False, False),
        ("create", None, True, True),
        ("delete", True, None, False),
    ],
)
def test_both_versions_are_tested(interaction: Any, previous: bool | None, current: bool | None, fires: bool) -> None:
    (trigger,) = read_topic(DONE).triggers
    assert trigger.fires(interaction, previous, current) is fires


def test_one_of_the_versions_is_enough_where_not_both_are_required() -> None:
    trigger = Trigger("Encounter", ("create", "update", "delete"), "a=b", "c=d", at_create=False, at_delete=True)
    assert trigger.fires("update", True, False)
    assert trigger.fires("delete", False, None)
    assert not trigger.fires("create", None, False)


def test_without_criteria_every_such_change_is_an_event() -> None:
    assert Trigger("Patient", ("delete",)).fires("delete", None, None)
    assert not Trigger("Patient", ("delete",)).fires("update", None, None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"resourceType": "Basic"}, "resourceType"),
        ({"url": "done"}, "canonical"),
        ({"url": "http://example.org/t|1"}, "canonical"),
        ({"resourceTrigger": []}, "nothing would ever be told"),
        ({"resourceTrigger": [{"resource": "Encounter", "fhirPathCriteria": "true"}]}, "fhirPathCriteria"),
        (
            {"resourceTrigger": [{"resource": "Encounter", "supportedInteraction": ["read"]}]},
            "create, update and delete",
        ),
        ({"eventTrigger": [{}]}, "eventTrigger"),
        ({"notificationShape": [{"resource": "Encounter", "include": ["Patient:x"]}]}, "Encounter:patient"),
        ({"canFilterBy": "patient"}, "list of objects"),
    ],
)
def test_what_would_not_be_followed_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(TopicError, match=why):
        read_topic(DONE | change)


def test_the_topics_that_come_along_are_read() -> None:
    folder = resources.files("realtime.subscriptions") / "topics"
    found: list[Topic] = [read_topic(json.loads(each.read_text())) for each in folder.iterdir()]
    assert {each.url.rpartition("/")[2] for each in found} == {"appointment", "document", "encounter-finished"}
