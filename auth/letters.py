"""What is written to account holders, in French and English (`data/letters.toml`): short, nothing about their health.

A letter with a code has a link as well where the address of the front end is known; the code is behind `#`, which no
server logs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from auth.accounts import Account
from auth.ports import Letter

Kind = Literal["reset", "verify", "member", "changed", "ended"]
LANGUAGE = "fr"
"""Which language is written to somebody whose own has no letters."""
PATHS: Mapping[str, str] = {"reset": "reset-password", "verify": "verify-email"}


class Letters:
    """Writes letters; `front` is the address of the front end, without a trailing slash, or empty."""

    def __init__(self, front: str) -> None:
        self._front = front

    def write(self, kind: Kind, account: Account, code: str = "") -> Letter:
        """Return a letter to the holder of an account, in their language."""
        texts = _texts()[kind]
        found = texts.get(account.locale, texts[LANGUAGE])
        link = f"{self._front}/{PATHS[kind]}#token={code}\n\n" if self._front and kind in PATHS else ""
        return Letter(account.email, found["subject"], found["text"].format(code=code, link=link))


@cache
def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("auth.data") / "letters.toml").read_text(encoding="utf-8"))
