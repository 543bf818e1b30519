"""What an evaluation may ask of the outside, and the state it keeps while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from profiles.deadline import Deadline
from profiles.fhirpath.errors import FhirPathBudgetError
from profiles.fhirpath.node import Scope

Items = list[Any]
"""A FHIRPath collection: Nodes and values of FHIRPath's own types. Never changed once it is handed on."""

DEFAULT_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Environment:
    """What a caller gives to an evaluation.

    `resolve` returns the resource a reference names, or None; contained resources and Bundle entries are found
    without it. `member_of(value, value set)` and `subsumes(a, b)` answer for terminology, `conforms_to(value, profile)`
    for profiles, None where they cannot.
    `variables` are plain JSON values, resources or Nodes by name, without the `%`. `steps` is the budget: about one
    per item visited; `seconds` of the processor stop it too, which a text from outside deserves: comparing two large
    elements is one step. `now` is the time of now() and today(), and its zone that of dateTimes without one.
    """

    resolve: Callable[[str], dict[str, Any] | None] | None = None
    member_of: Callable[[Any, str], bool | None] | None = None
    subsumes: Callable[[Any, Any], bool | None] | None = None
    conforms_to: Callable[[Any, str], bool | None] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    steps: int = DEFAULT_STEPS
    seconds: float | None = None
    now: datetime | None = None
    trace: Callable[[str, list[Any]], None] | None = None


NO_ENVIRONMENT = Environment()


class Frame(msgspec.Struct, gc=False, eq=False):
    """The state of one evaluation: `$this`, `$index`, `$total`, what began it, and the steps left."""

    environment: Environment
    scope: Scope
    context: Items
    steps: int
    this: Any = None
    index: int | None = None
    total: Items | None = None
    moment: datetime | None = None
    deadline: Deadline | None = None
    defined: dict[str, Items] = msgspec.field(default_factory=dict)

    def spend(self, steps: int) -> None:
        """Count `steps`. Raises FhirPathBudgetError when none are left, or no time."""
        self.steps -= steps
        if self.steps < 0:
            raise FhirPathBudgetError(
                f"the expression takes more than {self.environment.steps} steps on this resource; make it more specific"
            )
        if self.deadline is not None and self.deadline.is_over():
            raise FhirPathBudgetError(
                f"the expression takes more than {self.environment.seconds} s on this resource; make it more specific"
            )

    def now(self) -> datetime:
        """Return the moment of this evaluation, the same however often it is asked."""
        if self.moment is None:
            given = self.environment.now or datetime.now(UTC)
            self.moment = given if given.tzinfo else given.replace(tzinfo=UTC)
        return self.moment
