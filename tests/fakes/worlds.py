"""Generated worlds of resources as index entries, and generated questions about them: every node of the query tree.

Vocabularies are small on purpose, so that values meet: the same code with other systems and letter cases, ranges that
touch, references to what was deleted or never was, hierarchies with circles, words in other parts of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, get_args

from fhir_server.search import query as q
from fhir_server.search.parse_contained import of_contained
from fhir_server.search.values import (
    APART,
    BEGINNING,
    END,
    HIGHEST_KEY,
    LOWEST_KEY,
    IndexEntries,
    decimal_key,
    inner_kind,
    stated,
)
from fhir_server.store.base import Key
from profiles import restriction as limits
from tests.fakes.selections import selected

TYPES = ("Patient", "Observation", "Location", "List")
IDS = ("1", "2", "3", "a", "B")
SYSTEMS = ("", "http://s", "http://t")
CODES = ("x", "X", "y", "é", "É")
TEXTS = ("anna", "anna b", "Änna", "zoe", "bo-anna")
URIS = ("http://u", "http://u/a", "http://u/a/b", "http://u/Patient/1", "urn:x")
VERSIONS = ("1", "1.2", "10")
CANONICALS = ("subject", "definition")
"""Entries that hold canonicals; `subject` holds references too."""
WORDS = ("heart", "heartbeat", "rate", "cœur", "é2")
INSTANTS = (BEGINNING, 0, 5, 10, 15, 20, END)
NUMBERS = (*(decimal_key(number) for number in (-5, 0, 5, 10)), LOWEST_KEY, HIGHEST_KEY)
LATITUDES = (0, 100_000, 10_000_000, 899_900_000)
LONGITUDES = (0, 100_000, -1_799_000_000, 1_799_000_000)
AUTHORS = ("anna", "ben")
PRACTITIONERS = ("7", "8")
PURPOSES = ("TREAT", "BTG")
MOMENTS = (10**12, 2 * 10**12, 3 * 10**12)
LABELS = (("local", "R"), ("local", "N"))
TARGETS = {"subject": ("Patient",), "performer": ("Patient", "Location"), "partof": ("Location",), "item": TYPES}
REFERENCES = {
    "Patient": (),
    "Observation": ("subject", "performer"),
    "Location": ("partof",),
    "List": ("item", "subject"),
}
BY_PATIENT = frozenset(("code", "category", "subject"))
PREFIXES = get_args(q.Prefix)
FORMS = {"token": ("code", "category", "code:of-type"), "string": ("name", "code:text")}


def some(random: Random, draw: Callable[[], Any], most: int = 2) -> list[Any]:
    """Return up to `most` different values."""
    return list(dict.fromkeys(draw() for _ in range(random.randint(0, most))))


def ends(random: Random, values: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return two values in order."""
    low, high = sorted((random.choice(values), random.choice(values)))
    return low, high


def entries(random: Random, type: str) -> IndexEntries:
    """Return what one version of a resource answers to, and what it contains."""
    found = own_entries(random, type)
    for _ in range(random.choice((0, 0, 1, 2, 3))):
        kind = random.choice(TYPES)
        inner = own_entries(random, kind)
        inner.tokens.append(("_id", "", random.choice(("", *IDS)), 0))
        inner.by_patient = frozenset()
        found.contained.append((inner_kind(kind), inner))
    return found


def own_entries(random: Random, type: str) -> IndexEntries:
    """Return what one resource of a type answers to."""
    pick = random.choice
    group = lambda: pick((APART, 0, 0, 1, 2))  # noqa: E731
    return IndexEntries(
        tokens=[
            *some(random, lambda: (pick(FORMS["token"]), pick(SYSTEMS), pick((*CODES, "")), group()), 4),
            *some(random, lambda: ("version", "", pick(VERSIONS), group()), 1),
            *some(random, lambda: stated(pick(("code", "date", *REFERENCES[type])), pick(("", *TYPES)), group()), 1),
        ],
        strings=string_entries(random, group),
        references=some(random, lambda: reference_entry(random, type, group()), 3) if REFERENCES[type] else [],
        uris=list(dict.fromkeys(uri_entries(random, group))),
        dates=some(random, lambda: ("date", *ends(random, INSTANTS), group()), 3),
        numbers=some(random, lambda: ("number", *ends(random, NUMBERS), group())),
        quantities=some(
            random, lambda: (pick(("q", "q:ucum")), pick(SYSTEMS), pick(CODES), *ends(random, NUMBERS), group()), 3
        ),
        positions=some(random, lambda: ("position", pick(LATITUDES), pick(LONGITUDES), group()), 1),
        texts=(text(random), text(random)),
        by_patient=BY_PATIENT,
    )


def uri_entries(random: Random, group: Callable[[], int]) -> Iterator[tuple[str, str, str, int]]:
    """Yield URIs of all kinds, then URLs that several resources have, and canonicals that name those."""
    pick = random.choice
    yield from some(random, lambda: (pick(("url", *CANONICALS)), pick(URIS), pick(("", *VERSIONS)), group()))
    yield from some(random, lambda: ("url", pick(URIS[:2]), "", 0), 1)
    yield from some(random, lambda: (pick(CANONICALS), pick(URIS[:2]), pick(("", "", *VERSIONS)), 0))


def string_entries(random: Random, group: Callable[[], int]) -> list[tuple[str, str, str, int]]:
    """Return strings with what is compared of them, and the rest of some from a later word on."""
    from fhir_server.search.values import normal

    def whole() -> tuple[str, str, str, int]:
        exact = random.choice(TEXTS)
        return random.choice(FORMS["string"]), normal(exact), exact, group()

    found = some(random, whole)
    rests = [(name, norm.partition(" ")[2], "", number) for name, norm, _, number in found if " " in norm]
    return list(dict.fromkeys((*found, *rests)))


def reference_entry(random: Random, type: str, group: int) -> tuple[str, str, str, int, int]:
    """Return a reference that the type may have."""
    name = random.choice(REFERENCES[type])
    return name, random.choice(TARGETS[name]), random.choice(IDS), random.choice((0, 0, 0, 1, 2, -1)), group


def text(random: Random) -> str:
    """Return a row of words."""
    return " ".join(random.choice(WORDS) for _ in range(random.randint(0, 4)))


def owners(key: Key, found: IndexEntries) -> list[Key]:
    """Return the compartments: those of patients by `subject` and `performer`, of an encounter, and one's own."""
    own = [key] if key.type == "Patient" else []
    parts = [Key(t, i) for n, t, i, _, _ in found.references if n == "subject" or (n, t) == ("performer", "Patient")]
    seen_at = [Key("Encounter", id) for name, _, id, _, _ in found.references if name == "item"]
    return list(dict.fromkeys([*own, *parts, *seen_at]))


def subjects(key: Key, found: IndexEntries) -> list[Key]:
    """Return whom it is about: patients by `subject`, and oneself."""
    own = [key] if key.type == "Patient" else []
    return [*own, *(Key(t, i) for n, t, i, _, _ in found.references if n == "subject")]


def leaf(random: Random, type: str) -> q.Entry:
    """Return a question about entries of the version itself."""
    pick = random.choice
    names = REFERENCES[type] or ("subject",)
    name = pick(names)
    reference = q.Reference(name, pick(TARGETS[name]), pick(IDS), pick((0, 0, 1)))
    prefix = pick(PREFIXES)
    return pick(
        (
            q.Token(pick(FORMS["token"]), pick((None, *SYSTEMS)), pick(CODES), pick((False, False, True))),
            q.Token(pick(FORMS["token"]), pick(SYSTEMS), None),
            string_leaf(random),
            reference,
            reference,
            q.Uri(
                pick(("url", "subject")),
                pick(URIS),
                *pick((("", "exact"), ("1", "exact"), ("", "below"), ("", "above"), ("1", "below"))),
            ),
            q.Date("date", prefix, *ends(random, INSTANTS[1:-1])),
            number_leaf(random, prefix),
            quantity_leaf(random, prefix),
            q.Near("position", pick(LATITUDES), pick(LONGITUDES), pick((0.0, 1500.0, 2_000_000.0))),
            q.Present(pick(("code", "name", "date", "q", "subject"))),
            q.Present("subject", "Patient"),
        )
    )


def string_leaf(random: Random) -> q.String:
    """Return a question about a string."""
    from fhir_server.search.values import normal

    mode = random.choice(("prefix", "contains", "exact", "whole", "suffix"))
    asked = random.choice((*TEXTS, "an", "b"))
    return q.String(random.choice(FORMS["string"]), asked if mode == "exact" else normal(asked), mode)  # type: ignore[arg-type]


def number_leaf(random: Random, prefix: q.Prefix) -> q.Number:
    """Return a question about a number: a range for `eq`, `ne` and `ap`, a point otherwise."""
    return q.Number("number", prefix, *_bounds(random, prefix))


def quantity_leaf(random: Random, prefix: q.Prefix) -> q.Quantity:
    """Return a question about a quantity."""
    pick = random.choice
    unit = pick((None, *SYSTEMS)), pick((None, *CODES))
    return q.Quantity(pick(("q", "q:ucum")), prefix, *_bounds(random, prefix), *unit)


def _bounds(random: Random, prefix: q.Prefix) -> tuple[bytes, bytes]:
    low, high = ends(random, NUMBERS[:4])
    return (low, high) if prefix in ("eq", "ne", "ap") else (low, low)


def node(random: Random, type: str, depth: int = 3) -> q.Node:
    """Return a question about a version of `type`, with others inside it up to `depth`."""
    kinds = ("leaf", "leaf", "leaf", "id", "updated", "owned", "together", "words", "hierarchy")
    kind = random.choice(kinds if not depth else (*kinds, "and", "or", "not", "chain", "has", "and", "chain", "has"))
    match kind:
        case "and" | "or":
            inner = tuple(node(random, type, depth - 1) for _ in range(random.randint(0, 3)))
            return q.And(inner) if kind == "and" else q.Or(inner)
        case "not":
            return q.Not(node(random, type, depth - 1))
        case "id":
            return q.Id(tuple(some(random, lambda: random.choice(IDS), 3)))
        case "updated":
            return q.LastUpdated(random.choice(PREFIXES), *ends(random, (0, 3_000_000, 6_000_000, 9_000_000)))
        case "owned":
            return q.Owned("Patient", random.choice(IDS))
        case "together":
            parts = (tuple(leaf(random, type) for _ in range(random.randint(1, 2))) for _ in range(2))
            return q.Together(tuple(parts))
        case "words":
            return words(random)
        case "hierarchy":
            return _hierarchy(random, type)
        case "chain" | "has":
            return _hop(random, type, kind, depth)
    return selected(random, FORMS["token"], SYSTEMS) if random.random() < 0.1 else leaf(random, type)


def targets(random: Random) -> tuple[q.Target, ...]:
    """Return some types with a question about each: stored resources, contained ones, or both."""
    types = random.sample(TYPES, random.choice((1, 1, 1, 2, 4)))
    stored = [q.Target(type, node(random, type)) for type in types]
    match random.choice(("stored", "stored", "stored", "inner", "both", "containers", "both by container")):
        case "inner":
            return tuple(q.Target(each.type, of_contained(each.where), "contained") for each in stored)
        case "both":
            inner = (q.Target(each.type, of_contained(each.where), "contained") for each in stored)
            return (*stored, *inner)
        case "containers":
            return (q.Target(types[0], of_contained(stored[0].where), "container"),)
        case "both by container":
            where = stored[0].where
            return (stored[0], q.Target(types[0], of_contained(where), "container", where))
    return tuple(stored)


def words(random: Random) -> q.Words:
    """Return a question about a text."""
    phrases = (
        (tuple(random.choice((*WORDS, "hear")) for _ in range(random.randint(1, 2))), random.random() < 0.4)
        for _ in range(random.randint(1, 2))
    )
    return q.Words(tuple(phrases), random.random() < 0.5)


def _hierarchy(random: Random, type: str) -> q.Node:
    name = {"Location": "partof", "Observation": "performer"}.get(type, "item")
    return q.Hierarchy(name, "Location", random.choice(IDS), "partof", random.random() < 0.5)


def canonical(type: str) -> q.Canonical:
    """Return how canonicals lead to the resources of a type."""
    return q.Canonical(type, "url", "version")


def _hop(random: Random, type: str, kind: str, depth: int) -> q.Node:
    if random.random() < 0.4:
        other, name = random.choice(TYPES), random.choice(CANONICALS)
        inner = node(random, other, depth - 1)
        if kind == "chain":
            return q.Chain(name, other, inner, canonical(other))
        return q.Has(other, name, inner, canonical(type))
    if kind == "chain" and REFERENCES[type]:
        name = random.choice(REFERENCES[type])
        target = random.choice(TARGETS[name])
        return q.Chain(name, target, node(random, target, depth - 1))
    source, name = random.choice([(source, name) for source, names in REFERENCES.items() for name in names])
    return q.Has(source, name, node(random, source, depth - 1))


def sorts(random: Random) -> tuple[q.Sort, ...]:
    """Return an order, often none."""
    each = (
        ("token", ("code",)),
        ("string", ("name", "code:text")),
        ("reference", ("subject", "performer")),
        ("uri", ("url",)),
        ("date", ("date",)),
        ("number", ("number",)),
        ("quantity", ("q",)),
        ("id", ()),
        ("updated", ()),
        ("date", ("never",)),
    )
    chosen = random.sample(each, random.choice((0, 0, 1, 1, 2, 3)))
    target = random.choice(("", "", "Patient", "Location"))
    return tuple(
        q.Sort(kind, names, random.random() < 0.5, target if kind == "reference" else "")  # type: ignore[arg-type]
        for kind, names in chosen
    )


CRITERIA: dict[str, tuple[str, q.Node]] = {
    "coded": ("Observation", q.Token("code", None, "x")),
    "not coded": ("Observation", q.Not(q.Token("code", None, "x"))),
    "of a patient with a name": ("Observation", q.Chain("subject", "Patient", q.String("name", "anna"))),
    "as defined": ("Observation", q.Chain("definition", "List", q.Token("code", None, "x"), canonical("List"))),
    "observed": ("Patient", q.Has("Observation", "subject", q.Token("code", None, "y"))),
}
"""What the restrictions of these worlds may ask for."""


def criteria(type: str, parameters: tuple[tuple[str, str], ...]) -> q.Node:
    """Read the parameters of a restriction: a new node each time, as from parsing, which is gone after its use."""
    return deepcopy(CRITERIA[parameters[0][0]][1])


def restriction(random: Random, depth: int = 2) -> limits.Restriction:
    """Return what somebody may see."""
    new = ("types", "about", "related", "related", "consented", "consented")
    kinds = ("all", "all", "compartment", "label", "author", "matches", "attached", *new)
    match random.choice(kinds if not depth else (*kinds, "any", "every", "not", "not label")):
        case "any":
            return limits.AnyOf(tuple(restriction(random, depth - 1) for _ in range(random.randint(1, 3))))
        case "every":
            return limits.AllOf(tuple(restriction(random, depth - 1) for _ in range(random.randint(1, 2))))
        case "not":
            return limits.Not(restriction(random, depth - 1))
        case "attached":
            # Nothing deeper, or the statements of deep questions get too deep for the database.
            coded = limits.Matches("Observation", (("coded", ""),))
            simple = (limits.About(random.choice(IDS)), limits.WrittenBy(random.choice(AUTHORS)), coded)
            return limits.Attached(random.choice(simple))
        case "not label":
            return limits.Not(limits.HasLabel(*random.choice(LABELS)))
        case "compartment":
            return limits.InCompartment("Patient", random.choice(IDS))
        case "label":
            return limits.HasLabel(*random.choice(LABELS))
        case "author":
            return limits.WrittenBy(random.choice(AUTHORS))
        case "matches":
            name = random.choice(tuple(CRITERIA))
            return limits.Matches(CRITERIA[name][0], ((name, ""),))
        case "types":
            return limits.OfTypes(tuple(random.sample(TYPES, random.randint(0, 3))))
        case "about":
            return limits.About(random.choice(IDS))
        case "related":
            return limits.Related(random.choice(PRACTITIONERS), random.choice(MOMENTS))
        case "consented":
            actors = tuple(some(random, lambda: f"Practitioner/{random.choice(PRACTITIONERS)}"))
            vouched = tuple(each for each in actors if random.random() < 0.7)
            return limits.Consented(actors, random.choice(PURPOSES), random.choice(MOMENTS), vouched)
    return limits.ALL
