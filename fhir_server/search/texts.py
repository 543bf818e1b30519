"""What full text search finds of a resource: the words of its narrative, and those of everything else.

`_text` searches the narrative, `_content` all of it (http://hl7.org/fhir/R4/search.html#content). Words are those of
texts, names, displays and codes; identities of things (ids, URLs, references) and raw data have none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import unescape
from typing import Any

from fhir_server.search.values import words
from profiles import definitions

_TAG = re.compile(r"<[^>]*>")
_INLINE = re.compile(r"</?(?:a|b|big|code|em|font|i|q|s|small|span|strong|sub|sup|tt|u)(?:\s[^>]*)?>", re.IGNORECASE)
_WORDED = frozenset(("string", "markdown", "code"))
_SILENT = frozenset(
    (
        *("id", "reference", "system", "resourceType", "use", "language", "versionId", "contentType", "kind"),
        # Text in a rare type, elsewhere an address, a moment, or megabytes of an attachment.
        *("url", "source", "data", "start"),
    )
)


def texts(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Return the words of the narrative and the words of all else, each a blank apart."""
    narrative = resource.get("text")
    div = narrative.get("div", "") if isinstance(narrative, dict) else ""
    found: list[str] = []
    _gather(resource, _names(), found)
    return _joined(_plain(div)) if div else "", _joined(" ".join(found))


def _joined(text: str) -> str:
    return " ".join(words(text))


def _plain(xhtml: str) -> str:
    # A tag parts words, as the end of a paragraph does, but for those that only change the look of letters.
    return unescape(_TAG.sub(" ", _INLINE.sub("", xhtml)))


@cache
def _names() -> frozenset[str]:
    """Return the JSON names under which R4 has text."""
    return definitions.properties_of(_WORDED) - _SILENT


def _gather(value: Mapping[str, Any], names: frozenset[str], found: list[str]) -> None:
    for key, each in value.items():
        kind = each.__class__
        if kind is str:
            if key in names:
                found.append(each)
        elif kind is dict:
            _gather(each, names, found)
        elif kind is list:
            for item in each:
                if item.__class__ is dict:
                    _gather(item, names, found)
                elif item.__class__ is str and key in names:
                    found.append(item)
