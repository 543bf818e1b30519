"""SMART scopes, versions 1 and 2, parsed and compared (https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html).

A *resource scope* is `patient/Observation.rs?category=laboratory`: a level, a type or `*`, letters of `cruds` in that
order, and search parameters that what it opens must match. Version 1 writes `.read`, `.write` and `.*` for `.rs`,
`.cud` and `.cruds`. Every other scope is a word: `openid`, `launch/patient`, `offline_access`.

Nothing is reinterpreted: what is not exactly a scope is refused with a reason, and the others stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import quote, unquote

from profiles.definitions import is_resource_type

Level = Literal["patient", "user", "system"]
LEVELS: tuple[Level, ...] = get_args(Level)
ANY = "*"
LETTERS = "cruds"
WORDS = frozenset(("openid", "fhirUser", "profile", "launch", "offline_access", "online_access"))
VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}

ELSEWHERE = frozenset(("_filter", "_list", "_query"))
"""Parameters whose value may lead through other resources. A criterion asks of what there is, whoever may see it: where
apps say which resources it goes through, it would answer questions about those of others.
"""

_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_RESOURCE = re.compile(r"(?P<level>[a-z]+)/(?P<type>[A-Za-z]+|\*)\.(?P<access>[a-z]+|\*)(?:\?(?P<query>.+))?")
_LAUNCH = re.compile(r"launch/[a-z]+(\?role=.+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN = "!$'()*+,-./:;<>@[]^_`{|}~"
"""What the value of a parameter may hold unescaped in a scope: what RFC 6749 allows, less `%`, `&`, `=`, `?`, `#`."""

Known = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """One resource scope. `type` may be `*`; `parameters` are (name, value) as in a search, all of which must match.

    `version` is that of the SMART grammar it was written in, so that it can be said back in the same words.
    """

    level: Level
    type: str
    letters: str
    parameters: tuple[tuple[str, str], ...] = ()
    version: Literal[1, 2] = 2

    def __str__(self) -> str:
        access = next((word for word, letters in VERSION_1.items() if letters == self.letters), None)
        if self.version == 1 and access is not None:
            return f"{self.level}/{self.type}.{access}"
        query = "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in self.parameters)
        return f"{self.level}/{self.type}.{self.letters}{'?' if query else ''}{query}"

    def covers(self, other: ResourceScope) -> bool:
        """Return whether all that `other` opens is opened by this one."""
        return (
            self.level == other.level
            and self.type in (ANY, other.type)
            and set(other.letters) <= set(self.letters)
            and set(self.parameters) <= set(other.parameters)
        )

    def meet(self, other: ResourceScope) -> ResourceScope | None:
        """Return the scope that opens what both open, in the words of this one; None when there is nothing."""
        letters = "".join(letter for letter in self.letters if letter in other.letters)
        if self.level != other.level or not letters or (self.type != other.type and ANY not in (self.type, other.type)):
            return None
        type = other.type if self.type == ANY else self.type
        parameters = tuple(dict.fromkeys((*self.parameters, *other.parameters)))
        return ResourceScope(self.level, type, letters, parameters, 2 if parameters else self.version)


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a request asks for or a grant holds: `resources` and `words`, each once, in the order they were written."""

    resources: tuple[ResourceScope, ...] = ()
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((*self.words, *(str(each) for each in self.resources)))

    @property
    def levels(self) -> frozenset[Level]:
        """The levels that occur."""
        return frozenset(each.level for each in self.resources)

    def within(self, granted: Scopes) -> bool:
        """Return whether these ask for no more than `granted`, letter by letter, as a refresh must (RFC 6749, 6)."""
        return set(self.words) <= set(granted.words) and all(
            any(mine.covers(letter) for mine in granted.resources)
            for each in self.resources
            for letter in _letters(each)
        )

    def meet(self, allowed: Scopes) -> Scopes:
        """Return what both open: what a client that may have `allowed` gets when it asks for these."""
        met = [each.meet(other) for each in self.resources for other in allowed.resources]
        kept = tuple(dict.fromkeys(each for each in met if each is not None))
        widest = tuple(one for one in kept if not any(other != one and other.covers(one) for other in kept))
        return Scopes(widest, tuple(word for word in self.words if word in allowed.words))


NO_SCOPES = Scopes()


@dataclass(frozen=True, slots=True)
class Refused:
    """A scope that was asked for and is none; `reason` is a sentence without its subject."""

    scope: str
    reason: str


def parse_scopes(text: str, known: Known) -> tuple[Scopes, tuple[Refused, ...]]:
    """Return the scopes of a space-separated list, and what in it is refused.

    `known` tells whether a type has a search parameter of that name.
    """
    resources: dict[ResourceScope, None] = {}
    words: dict[str, None] = {}
    refused: list[Refused] = []
    for token in dict.fromkeys(text.split(" ")):
        if token in WORDS or (_TOKEN.fullmatch(token) and _LAUNCH.fullmatch(token)):
            words[token] = None
        elif token:
            read = _resource(token, known)
            if isinstance(read, Refused):
                refused.append(read)
            else:
                resources[read] = None
    return Scopes(tuple(resources), tuple(words)), tuple(refused)


def _resource(token: str, known: Known) -> ResourceScope | Refused:
    found = _RESOURCE.fullmatch(token) if _TOKEN.fullmatch(token) else None
    if found is None:
        return Refused(token, "is no scope: write it as patient/Observation.rs, or as a word like openid")
    level = next((each for each in LEVELS if each == found["level"]), None)
    if level is None:
        return Refused(token, "begins with none of patient/, user/ and system/")
    if found["type"] != ANY and not is_resource_type(found["type"]):
        return Refused(token, "names no resource type of R4")
    letters = VERSION_1.get(found["access"])
    if letters is not None and found["query"] is None:
        return ResourceScope(level, found["type"], letters, version=1)
    if letters is not None or not _ordered(found["access"]):
        return Refused(token, "must say what it opens by letters of cruds, in that order, each once")
    parameters = _parameters(found["type"], found["query"], known)
    if isinstance(parameters, str):
        return Refused(token, parameters)
    return ResourceScope(level, found["type"], found["access"], parameters)


def _ordered(access: str) -> bool:
    return access == "".join(letter for letter in LETTERS if letter in access)


def _parameters(type: str, query: str | None, known: Known) -> tuple[tuple[str, str], ...] | str:
    """Return the parameters of a granular scope, or what is wrong with them."""
    found: dict[tuple[str, str], None] = {}
    for part in query.split("&") if query else ():
        name, equals, written = part.partition("=")
        value = _decoded(written)
        if not equals or not value or not _NAME.fullmatch(name):
            return "has a parameter that is not name=value: modifiers and chains are not allowed in scopes"
        if name in ELSEWHERE:
            return f"restricts by {name}, which looks at other resources than the one asked for"
        if type == ANY or not known(type, name):
            return f"restricts by {name}, which is no search parameter of {type}"
        found[name, value] = None
    return tuple(sorted(found))


def _decoded(value: str) -> str | None:
    """Return `value` without its percent escapes; None when they are not UTF-8 or hide a control character."""
    try:
        text = unquote(value, errors="strict")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _letters(scope: ResourceScope) -> Iterable[ResourceScope]:
    return (ResourceScope(scope.level, scope.type, letter, scope.parameters) for letter in scope.letters)
