"""The Synthea set as lines of NDJSON under ids of their own, and any number of re-identified copies of it.

References stand as a server keeps them (`Patient/…`): `urn:uuid:` names and conditional references are resolved here,
so the expected answers need no server. The hospitals and practitioners that all files refer to are there once. In a
copy every other UUID (ids, identifiers, references) and the patients' other identifiers are new, and so are their
names, which are drawn from all names of the set: a name belongs to some of the copies.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fhir_server.model import fhir_json
from tests.fakes.shared import SHARED_DATA, parse

Json = dict[str, Any]

UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LETTER = rb"[A-Za-z0-9\x80-\xff]"
LITERAL = re.compile(rb'"reference":"urn:uuid:(' + UUID + rb')"')
CONDITIONAL = re.compile(rb'"reference":"(\w+)\?identifier=([^"|]*\|[^"]*)"')
SPACE = uuid.UUID("6e1c1f0a-5d0e-4b7c-9a53-0d6c2f8b7e11")


@dataclass(frozen=True, slots=True)
class Names:
    """The family and given names of the set, as often as they occur."""

    family: Sequence[str]
    given: Sequence[str]


@dataclass(frozen=True, slots=True)
class Synthea:
    """`shared` are the lines that every copy refers to; `cut` those of the set, cut so that every second piece is what
    a copy changes; `words` says what each such piece is: `id`, `number`, `family` or `given`."""

    shared: Sequence[bytes]
    cut: Sequence[Sequence[bytes]]
    words: Mapping[bytes, str]
    names: Names

    def copy(self, number: int) -> Copy:
        """Return copy `number`; copy 0 is the set itself."""
        return Copy(self, number)

    def digest(self) -> str:
        """Return what tells these copies from those of other data or another way to make them."""
        found = hashlib.sha256(b"\n".join(self.shared))
        for number in (0, 1):
            for line in self.copy(number).lines():
                found.update(line)
        return found.hexdigest()


@dataclass(frozen=True)
class Copy:
    """One copy; `of` tells what a word of the set is there."""

    synthea: Synthea
    number: int

    @cached_property
    def _words(self) -> Mapping[bytes, bytes]:
        return {word: self._other(word.decode(), kind).encode() for word, kind in self.synthea.words.items()}

    def of(self, word: str) -> str:
        """Return what stands in this copy where `word` (an id, a name) stands in the set."""
        return self._words.get(word.encode(), word.encode()).decode()

    def lines(self) -> Iterator[bytes]:
        """Yield the resources of this copy."""
        words = self._words
        for pieces in self.synthea.cut:
            own = list(pieces)
            own[1::2] = [words[each] for each in own[1::2]]
            yield b"".join(own)

    def _other(self, word: str, kind: str) -> str:
        if self.number == 0:
            return word
        if kind == "id":
            return str(uuid.uuid5(SPACE, f"{word}/{self.number}"))
        if kind == "number":
            return re.sub(r"\d+", self._counted_on, word)
        names = self.synthea.names
        return random.Random(f"{word}/{self.number}").choice(names.family if kind == "family" else names.given)

    def _counted_on(self, digits: re.Match[str]) -> str:
        size = len(digits[0])
        return str((int(digits[0]) + self.number * 104729) % 10**size).zfill(size)


def synthea() -> Synthea:
    """Read the set."""
    shared, own = _files()
    everything = [entry["resource"] for entries in (shared, *own) for entry in entries]
    kinds = {str(each["id"]).encode(): str(each["resourceType"]).encode() for each in everything}
    found = {key: each for each in everything for key in _identifiers(each)}
    lines = [_settled(fhir_json.encode(entry["resource"]), kinds, found) for entry in shared]
    kept = {match for line in lines for match in re.findall(UUID, line)}
    words: dict[bytes, str] = {}
    cut: list[Sequence[bytes]] = []
    seen = set(kept)
    for entries in own:
        changing = _changing([entry["resource"] for entry in entries])
        pattern = _pattern(changing)
        for entry in entries:
            id = str(entry["resource"]["id"]).encode()
            if id in seen:
                # The same hospital came with another file.
                continue
            seen.add(id)
            pieces = _pieces(_settled(fhir_json.encode(entry["resource"]), kinds, found), pattern, kept)
            words.update((word, changing.get(word, "id")) for word in pieces[1::2])
            cut.append(pieces)
    return Synthea(lines, cut, words, _names(everything))


def _files() -> tuple[list[Json], list[list[Json]]]:
    """Return the entries of the shared files together, and those of each patient's file."""
    shared: list[Json] = []
    own = []
    for path in sorted((SHARED_DATA / "synthea-dev").glob("*.json.gz")):
        entries = parse(gzip.decompress(path.read_bytes()))["entry"]
        if path.name.startswith("00-"):
            shared += entries
        else:
            own.append(entries)
    return shared, own


def _identifiers(resource: Json) -> list[tuple[str, str]]:
    given = resource.get("identifier", [])
    each = [given] if isinstance(given, dict) else given
    return [(resource["resourceType"], f"{one.get('system', '')}|{one.get('value', '')}") for one in each]


def _settled(line: bytes, kinds: Mapping[bytes, bytes], found: Mapping[tuple[str, str], Json]) -> bytes:
    """Return the line with each reference as `Type/id`."""

    def conditional(match: re.Match[bytes]) -> bytes:
        id = found[match[1].decode(), match[2].decode()]["id"]
        return b'"reference":"%s/%s"' % (match[1], str(id).encode())

    line = LITERAL.sub(lambda match: b'"reference":"%s/%s"' % (kinds[match[1]], match[1]), line)
    return CONDITIONAL.sub(conditional, line)


def _changing(resources: Sequence[Json]) -> dict[bytes, str]:
    """Return the names and numbers of the patients among `resources`, the longest first."""
    words: dict[str, str] = {}
    for patient in resources:
        if patient["resourceType"] == "Patient":
            words |= {each["value"]: "number" for each in patient["identifier"] if not _is_uuid(each["value"])}
            for name in patient["name"]:
                words |= {name["family"]: "family"} | dict.fromkeys(name["given"], "given")
    return {word.encode(): words[word] for word in sorted(words, key=len, reverse=True)}


def _pattern(changing: Iterable[bytes]) -> re.Pattern[bytes]:
    """Return what finds UUIDs and whole words of `changing`, as its one group."""
    words = [rb"(?<!%s)%s(?!%s)" % (LETTER, re.escape(word), LETTER) for word in changing]
    return re.compile(b"(" + b"|".join([UUID, *words]) + b")")


def _is_uuid(text: str) -> bool:
    return re.fullmatch(UUID, text.encode()) is not None


def _pieces(line: bytes, pattern: re.Pattern[bytes], kept: set[bytes]) -> list[bytes]:
    """Cut `line` at what a copy changes; the UUIDs in `kept` stay in the text around them."""
    pieces = [b""]
    for number, piece in enumerate(pattern.split(line)):
        if number % 2 and piece not in kept:
            pieces += (piece, b"")
        else:
            pieces[-1] += piece
    return pieces


def _names(resources: Sequence[Json]) -> Names:
    names = [name for each in resources if each["resourceType"] in ("Patient", "Practitioner") for name in each["name"]]
    return Names([name["family"] for name in names], [given for name in names for given in name["given"]])
