"""Index entries of a version as rows of the index tables, and once more as its footprint.

The footprint is JSON `{"<p>": [["<letter>", ...], ...]}`: for each parameter number the rows as they stand in the
table of that letter, without `p` and `v`. The key 0 says that there are words too. The sweep deletes by it; `:missing`
and `_sort` need not scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fhir_server.search.values import DATED, NEVER, IndexEntries
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sqlite.dictionary import Additions

Rows = dict[str, list[Any]]

TABLES = {
    "t": ("idx_token", "p, t, v, g"),
    "s": ("idx_string", "p, norm, exact, v, g"),
    "r": ("idx_reference", "p, rid, v, version, g"),
    "u": ("idx_uri", "p, uri, version, v, g"),
    "d": ("idx_date", "p, low, high, v, g"),
    "n": ("idx_number", "p, low, high, v, g"),
    "q": ("idx_quantity", "p, low, high, t, v, g"),
    "l": ("idx_position", "p, lat, lon, v, g"),
    "o": ("idx_owned", "rid, p, t, v"),
}
"""Letter in footprints -> index table and the columns that tell its rows apart: all it has, but for `idx_owned`."""

WORDED = 0
"""The key in a footprint, of no parameter and without rows, that says there are words of the version in `idx_text`."""

_USUAL = frozenset(("subject", "patient"))
_NO_TEXTS = ("", "")
_encode = msgspec.json.Encoder().encode
decode_footprint = msgspec.json.Decoder(dict[str, list[list[Any]]]).decode


class _Params(dict[str, int]):
    """The parameter numbers of one type, asked of the dictionary when first needed."""

    __slots__ = ("_additions", "_by_patient", "_type")

    def __init__(self, type: str, by_patient: frozenset[str], additions: Additions) -> None:
        self._type = type
        self._by_patient = by_patient
        self._additions = additions

    def __missing__(self, name: str) -> int:
        number = self[name] = self._additions.param(self._type, name, name in self._by_patient)
        return number


def index_rows(
    rows: Rows, additions: Additions, type: str, v: int, entries: IndexEntries, patients: Sequence[int]
) -> None:
    """Append to `rows` what the version `v` of a `type` answers to; `patients` are the rows of those it belongs to.

    What it contains has rows and a footprint of its own.
    """
    params = additions.by_type.get(type)
    if params is None:
        params = additions.by_type[type] = _Params(type, entries.by_patient, additions)
    foot: dict[int, list[tuple[Any, ...]]] = {}
    _plain_rows(rows, params, v, entries, foot)
    _numbered_rows(rows, params, additions, v, entries, foot)
    if patients:
        _owned_rows(rows, params, additions, v, entries, patients, foot)
    if entries.texts != _NO_TEXTS:
        rows["idx_text"].append((v, *entries.texts))
        foot[WORDED] = []
    if foot:
        rows["footprint"].append((v, _encode(foot)))
    for place, (kind, inner) in enumerate(entries.contained):
        index_rows(rows, additions, kind, contained_row(v, place), inner, ())


def _plain_rows(
    rows: Rows, params: dict[str, int], v: int, entries: IndexEntries, foot: dict[int, list[tuple[Any, ...]]]
) -> None:
    for name, norm, exact, g in entries.strings:
        p = params[name]
        rows["idx_string"].append((p, norm, exact, v, g))
        foot.setdefault(p, []).append(("s", norm, exact, g))
    for name, uri, canonical, g in entries.uris:
        p = params[name]
        rows["idx_uri"].append((p, uri, canonical, v, g))
        foot.setdefault(p, []).append(("u", uri, canonical, g))
    for name, low, high, g in entries.dates:
        p = params[name]
        rows["idx_date"].append((p, low, high, v, g))
        foot.setdefault(p, []).append(("d", low, high, g))
    for name, least, most, g in entries.numbers:
        p = params[name]
        rows["idx_number"].append((p, least, most, v, g))
        foot.setdefault(p, []).append(("n", least.hex(), most.hex(), g))
    for name, latitude, longitude, g in entries.positions:
        p = params[name]
        rows["idx_position"].append((p, latitude, longitude, v, g))
        foot.setdefault(p, []).append(("l", latitude, longitude, g))


def _numbered_rows(
    rows: Rows,
    params: dict[str, int],
    additions: Additions,
    v: int,
    entries: IndexEntries,
    foot: dict[int, list[tuple[Any, ...]]],
) -> None:
    token_rows, token, resource = rows["idx_token"], additions.token, additions.resource
    for name, system, code, g in entries.tokens:
        p, t = params[name], token((system, code))
        token_rows.append((p, t, v, g))
        foot.setdefault(p, []).append(("t", t, g))
    for name, type, id, number, g in entries.references:
        p, rid = params[name], resource(type, id)
        rows["idx_reference"].append((p, rid, v, number, g))
        foot.setdefault(p, []).append(("r", rid, number, g))
    for name, system, unit, low, high, g in entries.quantities:
        p, t = params[name], token((system, unit))
        rows["idx_quantity"].append((p, low, high, t, v, g))
        foot.setdefault(p, []).append(("q", low.hex(), high.hex(), t, g))


def _owned_rows(
    rows: Rows,
    params: dict[str, int],
    additions: Additions,
    v: int,
    entries: IndexEntries,
    patients: Sequence[int],
    foot: dict[int, list[tuple[Any, ...]]],
) -> None:
    """Keep the coded tokens once more by patient; they are in the footprint already, numbered."""
    by_patient, owned_rows = entries.by_patient, rows["idx_owned"]
    coded = {name for name, _, _, _ in entries.tokens if name in by_patient}
    if not coded:
        return
    ways, low, high = _ways(params, additions, entries), *_dates(entries)
    for p in [params[name] for name in coded]:
        tokens = {row[1] for row in foot[p] if row[0] == "t"}
        for rid in patients if len(patients) == 1 else set(patients):
            for t in tokens:
                owned_rows.append((rid, p, t, high, v, low, ways.get(rid, 0)))
                foot[p].append(("o", rid, t))


def _ways(params: dict[str, int], additions: Additions, entries: IndexEntries) -> dict[int, int]:
    """Return one parameter by which each patient is referred to; the one that is most likely asked for."""
    ways: dict[int, int] = {}
    for name, type, id, _, _ in entries.references:
        if type == "Patient" and name in entries.by_patient:
            rid = additions.resource(type, id)
            if rid not in ways or name in _USUAL:
                ways[rid] = params[name]
    return ways


def _dates(entries: IndexEntries) -> tuple[int | None, int]:
    """Return the first and the last instant of the parameter `DATED`, None and NEVER without any."""
    found = [(low, high) for name, low, high, _ in entries.dates if name == DATED]
    if len(found) < 2:
        return found[0] if found else (None, NEVER)
    return min(low for low, _ in found), max(high for _, high in found)


def footprint_rows(v: int, footprint: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield (table, primary key) of every index row of version `v`."""
    for p, rows in decode_footprint(footprint).items():
        for letter, *values in rows:
            table, columns = TABLES[letter]
            if letter in "nq":
                values[:2] = map(bytes.fromhex, values[:2])
            names = columns.split(", ")
            key = values[:]
            key.insert(names.index("p"), int(p))
            key.insert(names.index("v"), v)
            yield table, tuple(key)
