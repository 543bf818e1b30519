"""What users are told, by kind of notification and language (`notifications.toml`): nothing about anybody's health."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGE = "fr"
"""Which language is spoken to somebody whose own has no texts, or who has no account yet."""


def said(kind: str, locale: str, words: Mapping[str, str]) -> dict[str, str]:
    """Return `title` and `body` of a notification; `words` fill its gaps."""
    return {name: text.format(**words) for name, text in _in(kind, locale).items()}


def footer(locale: str) -> str:
    """Return why somebody gets a letter, and how to get no more."""
    return _in("letter", locale)["footer"]


def _in(kind: str, locale: str) -> Mapping[str, str]:
    texts = _texts()[kind]
    return texts.get(locale, texts[LANGUAGE])


@cache
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("fhir_server.views") / "notifications.toml").read_text(encoding="utf-8"))
