"""Records that restrictions look at, random ones of the worlds of `worlds`: relations, refusals, attachments."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.fakes.worlds import AUTHORS, IDS, LABELS, MOMENTS, PRACTITIONERS, PURPOSES, TYPES, some


def attachment(random: Random) -> tuple[str, dict[str, Any], int | None]:
    """Return what names something as a record: key, value and expiry."""
    named, holder = (f"{random.choice(TYPES)}/{random.choice(IDS)}" for _ in range(2))
    value = {"binary": named, "holder": holder, "context": int(random.random() < 0.3)}
    return f"{holder}|{random.randint(1, 20)}", value, None


def relation(random: Random) -> tuple[str, dict[str, Any], int | None]:
    """Return a care relation as a record: key, value and expiry."""
    pair = f"{random.choice(PRACTITIONERS)}/{random.choice(IDS)}"
    value: dict[str, Any] = {"pair": pair, "since": random.choice(MOMENTS)} if random.random() < 0.4 else {"pair": pair}
    if random.random() < 0.4:
        value["only"] = [conditions(random) for _ in range(random.randint(0, 2))]
    return f"{pair}/{random.randint(1, 2)}", value, random.choice((None, *MOMENTS))


def rule(random: Random) -> tuple[str, dict[str, Any], int | None]:
    """Return what a consent refuses as a record: key, value and expiry."""
    value = {"patient": random.choice(IDS), **refusal(random)}
    excepted = [refusal(random) | some_until(random) for _ in range(random.randint(0, 2))]
    return (
        str(random.randint(1, 6)),
        value | ({"except": excepted} if excepted else {}),
        random.choice((None, *MOMENTS)),
    )


def some_until(random: Random) -> dict[str, Any]:
    """Return an end, or none."""
    return {"until": random.choice(MOMENTS)} if random.random() < 0.4 else {}


def refusal(random: Random) -> dict[str, Any]:
    """Return whom and what a rule is about."""
    who: dict[str, Any] = {}
    if random.random() < 0.5:
        who["actors"] = some(random, lambda: f"Practitioner/{random.choice(PRACTITIONERS)}")
    if random.random() < 0.3:
        who["purposes"] = some(random, lambda: random.choice(PURPOSES))
    if random.random() < 0.3:
        who["since"] = random.choice(MOMENTS)
    return who | conditions(random)


def conditions(random: Random) -> dict[str, Any]:
    """Return up to two conditions of a rule."""
    pick = random.choice
    each: dict[str, Callable[[], Any]] = {
        "types": lambda: some(random, lambda: pick(TYPES)),
        "authors": lambda: some(random, lambda: pick(AUTHORS)),
        "encounters": lambda: some(random, lambda: pick(IDS)),
        "resources": lambda: some(random, lambda: f"{pick(TYPES)}/{pick(IDS)}", 4),
        "labels": lambda: [list(label) for label in some(random, lambda: pick(LABELS))],
        "from": lambda: pick((2_000_000, 5_000_000)),
        "to": lambda: pick((4_000_000, 8_000_000)),
    }
    return {name: each[name]() for name in random.sample(sorted(each), random.choice((0, 1, 1, 2)))}
