"""Follow references: inside the resource, inside the Bundle, and by the caller's `fetch`."""

from __future__ import annotations

from profiles.fhirpath.environment import Environment, Frame
from profiles.fhirpath.node import Node
from profiles.fhirpath.references import resolve
from profiles.validation.profiled.at import At
from profiles.validation.profiled.run import Run

NOWHERE = Environment(resolve=lambda _: None)


def resolved(at: At, run: Run) -> At | None:
    """Return the resource a reference leads to, None where it cannot be had; elsewhere than here by its path."""
    fetch = run.context.fetch
    found = target(at, NOWHERE if fetch is None else Environment(resolve=fetch))
    return None if found is None else At(found.value, None, found.shape, found.scope, at, "resolve()")


def target(at: At, environment: Environment) -> Node | None:
    """Return the node of the resource a reference leads to, a stub of its type where only that is known."""
    return resolve(at.node, Frame(environment, at.scope, [at.node], 1_000))
