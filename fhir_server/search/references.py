"""The forms a reference comes in (http://hl7.org/fhir/R4/references.html#literal)."""

from __future__ import annotations

import re
from functools import lru_cache

from profiles import definitions

_RESTFUL = re.compile(
    r"(?:(?P<service>[A-Za-z][A-Za-z0-9+.\-]*:.*)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)
_VERSION_DIGITS = 18
NO_VERSION = -1
"""Stands for a version id that is none of this server's numbers."""


def local_reference(text: str, base: str) -> tuple[str, str, int] | None:
    """Return (type, id, version number or 0) when `text` points to a resource of the server at `base`, else None.

    Relative references are local; so are absolute ones below `base` (without trailing slash). A version id that no
    resource of this server can have counts as NO_VERSION: the reference still is one to that resource.
    """
    # The same few are asked about again and again: all that is a patient's refers to the patient.
    return _remembered(text, base) if len(text) < _LONG else _local_reference(text, base)


def _local_reference(text: str, base: str) -> tuple[str, str, int] | None:
    if base and text.startswith(base) and text[len(base) : len(base) + 1] == "/":
        text = text[len(base) + 1 :]
    if not definitions.is_resource_type(text.partition("/")[0]):
        return None
    found = _RESTFUL.fullmatch(text)
    if found is None or found["service"]:
        return None
    version = found["version"]
    if version is None:
        return found["type"], found["id"], 0
    possible = version.isascii() and version.isdigit() and len(version) <= _VERSION_DIGITS and int(version) > 0
    return found["type"], found["id"], int(version) if possible else NO_VERSION


_LONG = 256
"""Characters from which on a reference is not remembered, so that what is remembered stays small."""
_remembered = lru_cache(4096)(_local_reference)


def foreign_type(url: str) -> str | None:
    """Return the resource type an absolute RESTful URL of some server names, or None when it is not one."""
    found = _RESTFUL.fullmatch(url)
    if found is None or not found["service"] or not definitions.is_resource_type(found["type"]):
        return None
    return found["type"]


def foreign_reference(url: str) -> tuple[str, str]:
    """Split an absolute reference into the URL of the resource and the version id after `/_history/`, "" without."""
    before, separator, version = url.rpartition("/_history/")
    return (before, version) if separator and foreign_type(url) else (url, "")


def canonical(text: str) -> tuple[str, str]:
    """Split a canonical URL into URL and version ("" without one); a fragment stays with the URL."""
    url, _, rest = text.partition("|")
    version, _, fragment = rest.partition("#")
    return (f"{url}#{fragment}" if fragment else url), version
