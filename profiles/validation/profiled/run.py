"""The state of one validation against profiles: findings, budgets, and what is being checked already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from profiles.deadline import Deadline
from profiles.fhirpath.environment import Environment
from profiles.issues import Issue, Severity
from profiles.validation.profiled.at import At

if TYPE_CHECKING:
    from profiles.validation.profiled.context import Context
    from profiles.validation.profiled.profile import Profile

MAX_ISSUES = 1_000
MAX_NESTING = 24
"""Profiles that ask for profiles of what is inside or referred to go so deep."""
STEPS = 1_000_000


class Run:
    """One validation under way. `profile` is who speaks, `find` returns the compiled profile of a canonical."""

    __slots__ = (
        "active",
        "context",
        "cuts",
        "deadline",
        "environment",
        "find",
        "issues",
        "known",
        "nesting",
        "profile",
        "untold",
    )

    def __init__(self, context: Context, find: Callable[[str], Profile | None]) -> None:
        self.context = context
        self.find = find
        self.issues: list[Issue] = []
        self.profile: str | None = None
        self.nesting = 0
        # Whether a value set that tells slices apart could not be expanded since this was last set to no.
        self.untold = False
        self.active: set[tuple[int | str, str]] = set()
        # How often a circle of profiles was cut short, and what profiles have said of values, by value and canonical.
        self.cuts = 0
        self.known: dict[tuple[int | str, str], tuple[At, list[Issue]]] = {}
        self.deadline = Deadline(context.seconds)
        self.environment: Environment | None = None

    def add(self, severity: Severity, code: str, at: At | str, what: str, rule: str) -> None:
        """Add a finding: `what` continues the sentence that begins with the element's path."""
        if len(self.issues) <= MAX_ISSUES:
            path = at if isinstance(at, str) else at.path
            self.issues.append(Issue(severity, code, f"{path} {what}.", path, self.profile, rule))

    def attempt(self, check: Callable[[At, Run], None], at: At) -> list[Issue]:
        """Return what `check(at, run)` finds, without reporting it."""
        kept, self.issues = self.issues, []
        try:
            check(at, self)
            return self.issues
        finally:
            self.issues = kept
