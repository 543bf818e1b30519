"""A record of a consultation whose Encounter is there already: which one it takes, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace

from mappings.paths.path import Json
from mappings.transactions.act import Act
from mappings.views.complete_record import follow
from mappings.views.consultation import NOT_OVER, is_of_record, is_of_room
from mappings.views.former import former_of
from mappings.views.medical_record import VIEW
from mappings.views.show import value_of
from mappings.views.view import Parts, Values

REMOTE = "VR"


def taken(act: Act, encounter: Json | None) -> Act:
    """Return the act of writing a record of the consultation that an Encounter is of, which knows where that was."""
    if encounter is None:
        return act
    return replace(act, encounter=encounter, remote=encounter.get("class", {}).get("code") == REMOTE)


def candidates(act: Act, encounters: Iterable[Json]) -> list[Json]:
    """Return those Encounters of the appointment that a record may take, the room's first.

    Of a room that both sides have not been in yet only where they were to meet there. One that was moved in with its
    record is found by the former id of that one.
    """
    found = [each for each in encounters if _may_be(act, each) and former_of(each, VIEW.name) is None]
    return sorted(found, key=lambda each: (not is_of_room(each), each["id"]))


def take_up(there: Json, parts: Parts, record: Values) -> Json:
    """Return the Encounter that is there as a new record leaves it; `parts` are those that the record would make.

    A room keeps its times, and its priority unless the record says another. What a record has left that was taken out
    of the view says what the new one does.
    """
    after, (made,), (composition,) = deepcopy(there), parts["Encounter"], parts["Composition"]
    priority = value_of(VIEW.field("priority"), {"Encounter": [there]})
    if not is_of_room(there):
        after |= {name: made[name] for name in ("status", "priority", "period")}
    elif "priority" not in there or record.get("priority", priority) != priority:
        after["priority"] = made["priority"]
    follow(after, composition)
    return after


def _may_be(act: Act, encounter: Json) -> bool:
    status = encounter.get("status")
    if not is_of_room(encounter):
        return is_of_record(encounter) and status in ("in-progress", "finished")
    return status in ("in-progress", "finished") or (act.remote and status in NOT_OVER)
