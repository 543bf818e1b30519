"""From a value of some data type to index entries, by search type.

One function per (search type, data type) pair of the tables in http://hl7.org/fhir/R4/search.html. `converter` finds
it; the pairs it does not know (a string where dates are searched) give no entries. Values are validated before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from fhir_server.search.references import canonical, foreign_reference, local_reference
from fhir_server.search.units import UCUM
from fhir_server.search.units import canonical as in_base_units
from fhir_server.search.values import BEGINNING, END, HIGHEST_KEY, LOWEST_KEY, IndexEntries, decimal_key, normal, stated
from profiles import definitions
from profiles.datatypes.temporal import date_range

Ends = tuple[Decimal | int | None, Decimal | int | None]
"""The least and the greatest an amount can be; None is open."""
Convert = Callable[["Collector", str, Any, int], None]
"""Add the entries of one value to the collector, under a name and a group."""

BOOLEAN_SYSTEM = "http://hl7.org/fhir/special-values"
CURRENCY_SYSTEM = "urn:iso:std:iso:4217"
MEDIA_TYPES = "http://hl7.org/fhir/ValueSet/mimetypes"


@dataclass(slots=True)
class Collector(IndexEntries):
    """Index entries in the making, with the base URL below which absolute references are local.

    `pointers` are the references to contained resources, as (name, id, type or "" for any, group); `nested` the
    resources that are values themselves, as (name, resource).
    """

    base: str = ""
    pointers: list[tuple[str, str, str, int]] = field(default_factory=list)
    nested: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)


@cache
def converter(search_type: str, data_type: str, value_set: str = "") -> Convert | None:
    """Return what makes `search_type` entries of a `data_type`, or None where the standard says nothing."""
    if search_type == "token" and data_type == "code":
        system = implied_system(value_set)
        if value_set.partition("|")[0] == MEDIA_TYPES:
            return _media_type(system)
        return lambda to, name, value, group: to.tokens.append((name, system, value, group))
    return _TABLE.get(search_type, {}).get(data_type)


@cache
def implied_system(value_set: str) -> str:
    """Return the code system that all codes of `value_set` come from, "" if there are several or it is not known."""
    found = definitions.value_sets().get(value_set.partition("|")[0])
    if found is None:
        return ""
    systems = {include.get("system", "") for include in found.get("include", ())}
    imports = any(include.get("valueSet") for include in found.get("include", ()))
    return systems.pop() if len(systems) == 1 and not imports else ""


def _media_type(system: str) -> Convert:
    """A media type with parameters is also below the one without (http://hl7.org/fhir/R4/search.html#mimetype)."""

    def convert(to: Collector, name: str, value: str, group: int) -> None:
        to.tokens.append((name, system, value, group))
        bare, parameters, _ = value.partition(";")
        if parameters:
            to.tokens.append((f"{name}:below", system, bare.rstrip(), group))

    return convert


_LONG = 256
"""Characters from which on a text beside codes is not remembered, so that what is remembered stays small."""
# The same codes come with the same words over and over.
_display = lru_cache(4096)(normal)


def _text(to: Collector, name: str, value: Any, group: int) -> None:
    if value:
        norm = _display(value) if len(value) < _LONG else normal(value)
        to.strings.append((name + ":text", norm, "", group))


def _coding(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    code, system = value.get("code", ""), value.get("system", "")
    display = value.get("display")
    if code or system:
        to.tokens.append((name, system, code, group))
    elif not display:
        to.tokens.append(stated(name, "", group))
    _text(to, name, display, group)


def _codeable_concept(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    codings, text = value.get("coding", ()), value.get("text")
    for coding in codings:
        _coding(to, name, coding, group)
    if not codings and not text:
        to.tokens.append(stated(name, "", group))
    _text(to, name, text, group)


def _identifier(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    code, system = value.get("value", ""), value.get("system", "")
    to.tokens.append((name, system, code, group) if code or system else stated(name, "", group))
    kind = value.get("type")
    if kind is None:
        return
    for coding in kind.get("coding", ()):
        if code and "code" in coding:
            to.tokens.append((name + ":of-type", f"{coding.get('system', '')}|{coding['code']}", code, group))
    _text(to, name, kind.get("text"), group)


def _contact_point(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    there = "value" in value
    to.tokens.append((name, value.get("system", ""), value["value"], group) if there else stated(name, "", group))


def _boolean(to: Collector, name: str, value: bool, group: int) -> None:
    to.tokens.append((name, BOOLEAN_SYSTEM, "true" if value else "false", group))


def _plain_token(to: Collector, name: str, value: str, group: int) -> None:
    to.tokens.append((name, "", value, group))


def _string(to: Collector, name: str, value: str, group: int) -> None:
    to.strings.append((name, normal(value), value, group))


def _human_name(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    family = value.get("family")
    _parts(to, name, value, ("text",) if family else (), ("given", "prefix", "suffix"), group)
    if family or "text" in value:
        family_name(to, name, family or value["text"], group)


def family_name(to: Collector, name: str, value: str, group: int) -> None:
    """Add a family name, and its rest from each later word on: Carreno Quinones is a Quinones too.

    So is a whole name without its parts: a family name is somewhere in it.
    """
    _string(to, name, value, group)
    rest = normal(value)
    while blank := rest.find(" ") + 1:
        rest = rest[blank:]
        to.strings.append((name, rest, "", group))


def _address(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    single = ("text", "city", "district", "state", "postalCode", "country")
    _parts(to, name, value, single, ("line",), group)


def _parts(
    to: Collector, name: str, value: Mapping[str, Any], single: tuple[str, ...], many: tuple[str, ...], group: int
) -> None:
    for part in single:
        if part in value:
            _string(to, name, value[part], group)
    for part in many:
        for each in value.get(part, ()):
            if each is not None:
                _string(to, name, each, group)


def _reference(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    text = value.get("reference", "")
    identifier = value.get("identifier")
    if (local := local_reference(text, to.base)) is not None:
        to.references.append((name, *local, group))
    elif text.startswith("#"):
        to.pointers.append((name, text[1:], "", group))
    elif ":" in text:
        to.uris.append((name, *foreign_reference(text), group))
    elif not identifier:
        to.tokens.append(stated(name, value.get("type", ""), group))
    if identifier:
        _identified(to, name, identifier, value.get("type", ""), group)


def _identified(to: Collector, name: str, identifier: Mapping[str, Any], type: str, group: int) -> None:
    code, system = identifier.get("value", ""), identifier.get("system", "")
    known = code or system
    to.tokens.append((name + ":identifier", system, code, group) if known else stated(name, type, group))


def _canonical(to: Collector, name: str, value: str, group: int) -> None:
    if value.startswith("#"):
        to.pointers.append((name, value[1:], "", group))
    else:
        to.uris.append((name, *canonical(value), group))


def _resource(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    """A resource inside the resource, which is how a Bundle holds its Composition or MessageHeader."""
    to.nested.append((name, value))
    if "id" in value:
        to.references.append((name, value["resourceType"], value["id"], 0, group))
    else:
        to.tokens.append(stated(name, value["resourceType"], group))


def _uri(to: Collector, name: str, value: str, group: int) -> None:
    to.uris.append((name, value, "", group))


def _range(value: str) -> tuple[int, int]:
    """Return the closed range that a date or dateTime is, a fraction of a second as a point.

    How many digits a program writes says nothing of how exact a time is: `.5Z` and `.500000Z` are the same.
    """
    low, high = date_range(value)
    return low, low if "." in value else high


def _date(to: Collector, name: str, value: str, group: int) -> None:
    to.dates.append((name, *_range(value), group))


def _instant(to: Collector, name: str, value: str, group: int) -> None:
    """An instant has no width, so that `09:00:00Z` and `09:00:00.000Z` are the same."""
    low, _ = date_range(value)
    to.dates.append((name, low, low, group))


def _limits(period: Mapping[str, Any]) -> tuple[int, int]:
    low = date_range(period["start"])[0] if "start" in period else BEGINNING
    high = _range(period["end"])[1] if "end" in period else END
    return low, high


def _period(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    to.dates.append((name, *_limits(value), group))


def _timing(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    """Only the outer limits of a schedule count; like a Period, one without any is open at both ends."""
    ranges = [_range(event) for event in value.get("event", ()) if event is not None]
    bounds = value.get("repeat", {}).get("boundsPeriod", {})
    if "start" in bounds or "end" in bounds or not ranges:
        ranges.append(_limits(bounds))
    to.dates.append((name, min(low for low, _ in ranges), max(high for _, high in ranges), group))


def _number(to: Collector, name: str, value: Decimal | int, group: int) -> None:
    key = decimal_key(value)
    to.numbers.append((name, key, key, group))


def _number_range(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    if "value" in low or "value" in high:
        to.numbers.append((name, *_keys(low.get("value"), high.get("value")), group))


def _quantity(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    if "value" not in value:
        to.tokens.append(stated(name, "", group))
        return
    amount = value["value"]
    comparator = value.get("comparator", "")
    low = None if comparator.startswith("<") else amount
    high = None if comparator.startswith(">") else amount
    _measured(to, name, value, (low, high), group)


def _measured(to: Collector, name: str, unit: Mapping[str, Any], ends: Ends, group: int) -> None:
    """Add an amount under its coded unit, under its printed unit where that is another word, and in base units."""
    code, printed, system = unit.get("code", ""), unit.get("unit", ""), unit.get("system", "")
    low, high = _keys(*ends)
    if system == UCUM and code:
        _in_base_units(to, name, code, ends, group)
    if code or not printed:
        to.quantities.append((name, system, code, low, high, group))
    if printed and printed != code:
        to.quantities.append((name, "", printed, low, high, group))


def _in_base_units(to: Collector, name: str, code: str, ends: Ends, group: int) -> None:
    found = [None if end is None else in_base_units(end, code) for end in (ends[:1] if ends[0] == ends[1] else ends)]
    unit = next((each[1] for each in found if each is not None), None)
    if unit is not None:
        low, high = (None if each is None else each[0] for each in (found[0], found[-1]))
        to.quantities.append((f"{name}:ucum", UCUM, unit, *_keys(low, high), group))


def _keys(low: Decimal | int | None, high: Decimal | int | None) -> tuple[bytes, bytes]:
    bottom = LOWEST_KEY if low is None else decimal_key(low)
    return bottom, HIGHEST_KEY if high is None else bottom if high is low else decimal_key(high)


def _quantity_range(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    if "value" in low or "value" in high:
        _measured(to, name, low or high, (low.get("value"), high.get("value")), group)
    else:
        to.tokens.append(stated(name, "", group))


def _money(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    if "value" in value:
        key = decimal_key(value["value"])
        to.quantities.append((name, CURRENCY_SYSTEM, value.get("currency", ""), key, key, group))


def _sampled_data(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    """The range that the samples of a series cover; E, L and U stand for none and for beyond the limits."""
    origin = value.get("origin", {})
    samples = [Decimal(each) for each in value.get("data", "").split() if each not in ("E", "L", "U")]
    if samples and "value" in origin:
        factor, start = Decimal(value.get("factor", 1)), Decimal(origin["value"])
        ends = sorted((start + min(samples) * factor, start + max(samples) * factor))
        _measured(to, name, origin, (ends[0], ends[1]), group)
    else:
        to.tokens.append(stated(name, "", group))


def _position(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
    if "latitude" in value and "longitude" in value:
        to.positions.append((name, _degrees(value["latitude"]), _degrees(value["longitude"]), group))


def _degrees(value: Decimal | int) -> int:
    return int((Decimal(value) * 10**7).to_integral_value())


def _extension(search_type: str) -> Convert:
    """Extensions are searched by their value; its data type is part of the property's name."""

    def convert(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
        for key, content in value.items():
            if key.startswith("value"):
                data_type = key.removeprefix("value")
                lower = data_type[0].lower() + data_type[1:]
                found = converter(search_type, lower if lower in definitions.primitive_types() else data_type)
                if found is not None:
                    found(to, name, content, group)

    return convert


_QUANTITIES = ("Quantity", "Age", "Duration", "Count", "Distance", "SimpleQuantity", "MoneyQuantity")

_TABLE: Mapping[str, Mapping[str, Convert]] = {
    "token": {
        "Coding": _coding,
        "CodeableConcept": _codeable_concept,
        "Identifier": _identifier,
        "ContactPoint": _contact_point,
        "boolean": _boolean,
        **dict.fromkeys(("string", "uri", "url", "canonical", "id", "oid", "uuid"), _plain_token),
        "Extension": _extension("token"),
    },
    "string": {
        "string": _string,
        "markdown": _string,
        "HumanName": _human_name,
        "Address": _address,
        "Extension": _extension("string"),
    },
    "reference": {
        "Reference": _reference,
        "canonical": _canonical,
        "uri": _uri,
        "Resource": _resource,
        "Extension": _extension("reference"),
    },
    "uri": {**dict.fromkeys(("uri", "url", "oid", "uuid"), _uri), "canonical": _canonical},
    "date": {
        **dict.fromkeys(("date", "dateTime"), _date),
        "instant": _instant,
        "Period": _period,
        "Timing": _timing,
    },
    "number": {**dict.fromkeys(("integer", "positiveInt", "unsignedInt", "decimal"), _number), "Range": _number_range},
    "quantity": {
        **dict.fromkeys(_QUANTITIES, _quantity),
        "Range": _quantity_range,
        "Money": _money,
        "SampledData": _sampled_data,
    },
    "special": {"BackboneElement": _position},
}
