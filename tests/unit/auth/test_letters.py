"""Letters to account holders."""

from __future__ import annotations

from typing import get_args

import pytest

from auth.accounts import Account
from auth.letters import Kind, Letters


def account(locale: str) -> Account:
    return Account("1", "ann@example.org", "patient", "active", 0, locale=locale)


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_every_letter_is_there_in_both_languages(kind: Kind, locale: str) -> None:
    letter = Letters("https://app.example").write(kind, account(locale), "the-code")
    assert letter.to == "ann@example.org"
    assert "{" not in letter.text + letter.subject
    assert ("the-code" in letter.text) == (kind in ("reset", "verify"))
    assert letter.subject != Letters("").write(kind, account("en" if locale == "fr" else "fr")).subject


def test_the_code_is_in_the_link_where_no_server_logs_it() -> None:
    letter = Letters("https://app.example").write("reset", account("fr"), "the-code")
    assert "https://app.example/reset-password#token=the-code\n" in letter.text
    assert "http" not in Letters("").write("reset", account("fr"), "the-code").text


def test_another_language_gets_french() -> None:
    assert Letters("").write("changed", account("tlh")) == Letters("").write("changed", account("fr"))
