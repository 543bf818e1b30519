"""Index entries: what a resource answers to, as plain tuples ready to be stored.

`extract` makes them, `match` reads them, every store keeps them. A name is the code of the search parameter,
with a suffix for a form of it that is searched differently: `identifier:of-type`, `code:text`,
`subject:identifier`, `value-quantity:ucum`, and `code-value-quantity:1` for the first component of a composite.
`group` ties the component entries of one composite instance together; it is 0 elsewhere.

Instants are microseconds since 1970-01-01T00:00:00Z as integers; a partial date is the closed range it stands for.
Decimals are order-preserving byte strings made by `decimal_key`, never floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TokenEntry = tuple[str, str, str, int]
"""(name, system, code, group); system "" where there is none, code "" only with a system."""
StringEntry = tuple[str, str, str, int]
"""(name, folded, exact, group); `folded` has neither case nor accents."""
ReferenceEntry = tuple[str, str, str, int, int]
"""(name, target type, target id, version number or 0, group), for references to resources of this server."""
UriEntry = tuple[str, str, str, int]
"""(name, uri, version, group); also canonicals (`version` after the `|`) and references to other servers."""
DateEntry = tuple[str, int, int, int]
"""(name, low, high, group), a closed range of microseconds."""
NumberEntry = tuple[str, bytes, bytes, int]
"""(name, low key, high key, group)."""
QuantityEntry = tuple[str, str, str, bytes, bytes, int]
"""(name, system, unit code, low key, high key, group)."""
PositionEntry = tuple[str, int, int, int]
"""(name, latitude, longitude, group) in units of 1e-7 degree."""


@dataclass(slots=True)
class IndexEntries:
    """All index entries of one version of a resource."""

    tokens: list[TokenEntry] = field(default_factory=list)
    strings: list[StringEntry] = field(default_factory=list)
    references: list[ReferenceEntry] = field(default_factory=list)
    uris: list[UriEntry] = field(default_factory=list)
    dates: list[DateEntry] = field(default_factory=list)
    numbers: list[NumberEntry] = field(default_factory=list)
    quantities: list[QuantityEntry] = field(default_factory=list)
    positions: list[PositionEntry] = field(default_factory=list)
