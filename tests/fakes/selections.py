"""A tiny loaded code system for generated worlds, and generated questions about its codes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from fhir_server.search.query import Selected
from fhir_server.store.concepts import NewConcept
from profiles.terminology.selection import Above, Active, Below, Codes, Not, Selection, Whole

LOADED = 1
"""Under which key each store has the code system of `CONCEPTS`, the only one that is loaded."""
CONCEPTS = (NewConcept("x", "X"), NewConcept("y", None, inactive=True), NewConcept("É", "E"), NewConcept("z", "Z"))
EDGES = (("x", "z"), ("y", "x"), ("É", "y"))
RULES = (Whole(), Codes(("x", "É")), Below("x", True), Below("z", False), Above("y"), Active(), Not(Below("y", True)))


def selected(random: Random, names: Sequence[str], systems: Sequence[str]) -> Selected:
    """Return a question about codes of the loaded code system; a composite has no modifier that leads to one."""
    asked = random.choice((tuple(systems), tuple(systems[1:2])))
    return Selected(random.choice(names), asked, Selection(LOADED, random.choice(RULES)))
