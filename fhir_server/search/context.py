"""What the meaning of a search depends on besides its own text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Required, TypedDict

from fhir_server.search.parameters import Registry
from fhir_server.search.parts import Parts
from fhir_server.search.terminology import NO_TERMINOLOGY, Terminology

Contained = Literal["false", "true", "both"]


@dataclass(frozen=True, slots=True)
class Context:
    """The registry and the circumstances of one search; each field is explained in `Options`."""

    registry: Registry
    base: str
    now: int
    or_values: int = 1000
    page_max: int = 1000
    lenient: bool = False
    chain_depth: int = 8
    compartment: tuple[str, str] | None = None
    ignore_empty: bool = False
    terminology: Terminology = NO_TERMINOLOGY
    contained: Contained = "false"
    by_container: bool = True
    parts: Parts | None = None


class Options(TypedDict, total=False):
    """The keyword arguments of `parse`.

    `base` is this server's FHIR base URL without trailing slash, `now` microseconds since 1970 (for the prefix `ap`),
    `or_values` the most alternatives one parameter may have, `page_max` what `_count` is cut down to, `lenient` whether
    what is not answered is ignored with a warning, `chain_depth` the most links of a chain, `compartment` the (type,
    id) of the compartment that is searched, `terminology` what expands value sets and hierarchies,
    `contained` whether contained resources are searched beside stored ones or alone, `by_container` whether the
    resources that contain them are the matches, `parts` what single parameters were read as before with the same
    registry and limits,
    `ignore_empty` whether a parameter without a value is ignored, as the standard has it for searches; where criteria
    decide what is written, ignoring one would widen them.
    """

    base: Required[str]
    now: Required[int]
    or_values: int
    page_max: int
    lenient: bool
    chain_depth: int
    compartment: tuple[str, str] | None
    ignore_empty: bool
    terminology: Terminology
    contained: Contained
    by_container: bool
    parts: Parts | None
