"""The pages: everything in them is escaped, labelled, and in the language of whoever reads."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from lxml import etree, html

from auth.smart.consent import Choice
from auth.smart.context import Encounter, Person
from auth.smart.errors import Reason
from auth.smart.pages import TEXTS, Pages, language_of
from auth.smart.words import LANGUAGES, Language

HOSTILE = '"><script>alert(1)</script>'
VALUES: dict[str, dict[str, Any]] = {
    "login": {"app": HOSTILE, "action": "/a", "email": HOSTILE, "second": True, "problem": "wrong"},
    "patient": {
        **{"app": HOSTILE, "at": "/a", "account": HOSTILE, "text": HOSTILE},
        "people": [Person(HOSTILE, HOSTILE, "1985-03-02")],
    },
    "encounter": {
        **{"app": HOSTILE, "at": "/a", "account": HOSTILE, "person": Person(HOSTILE, HOSTILE), "own": False},
        "encounters": [Encounter(HOSTILE, HOSTILE, HOSTILE), Encounter("e")],
    },
    "consent": {
        **{
            "app": HOSTILE,
            "at": "/a",
            "account": HOSTILE,
            "person": Person(HOSTILE, HOSTILE),
            "encounter": Encounter(HOSTILE, HOSTILE, HOSTILE),
            "own": False,
            "host": HOSTILE,
        },
        "choices": [Choice(HOSTILE, HOSTILE, (Choice(HOSTILE, HOSTILE),))],
    },
    "apps": {
        **{"at": "/a", "account": HOSTILE, "done": True},
        "apps": [{"grant": HOSTILE, "name": HOSTILE, "since": HOSTILE, "person": HOSTILE, "texts": [HOSTILE]}],
    },
    "logout": {"app": HOSTILE, "who": HOSTILE, "asked": {"state": HOSTILE}},
    "left": {},
    "stray": {"problem": "over"},
}


def page(name: str, language: Language = "en") -> Any:
    return html.document_fromstring(Pages().render(name, language, "n0nce", **VALUES[name]))


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("left", "stray")])
def test_nothing_that_is_put_in_can_break_out(name: str) -> None:
    found = page(name)
    assert found.xpath("//script|//iframe|//object|//@onclick|//@style") == []
    assert HOSTILE in etree.tostring(found, encoding="unicode", method="text") + "".join(found.xpath("//@value"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", VALUES)
def test_a_page_says_its_language_and_title_and_names_every_field(name: str, language: Language) -> None:
    found = page(name, language)
    assert found.get("lang") == language
    assert (
        found.xpath("string(//title)")
        == found.xpath("string(//h1)")
        == TEXTS[f"{name}_title"][LANGUAGES.index(language)]
    )
    for field in found.xpath("//input[not(ancestor::label or @type='hidden')]"):
        assert found.xpath(f"//label[@for='{field.get('id')}']"), field.get("name")
    assert found.xpath("//style/@nonce") == ["n0nce"]


def test_a_password_is_never_put_in() -> None:
    assert page("login").xpath("//input[@type='password']/@value") == []


def test_what_is_ticked_at_first_is_the_whole() -> None:
    boxes = page("consent").xpath("//input[@type='checkbox']")
    assert [box.get("checked") is not None for box in boxes] == [True, False]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB", "en"),
        ("de, en;q=0.5", "en"),
        ("", "fr"),
        ("de", "fr"),
        ("en;q=0, fr", "fr"),
    ],
)
def test_the_language_is_the_first_that_the_pages_speak(accepted: str, language: Language) -> None:
    assert language_of(accepted) == language


def test_there_are_words_for_every_reason() -> None:
    assert set(get_args(Reason)) <= TEXTS.keys()


def test_every_text_is_in_both_languages() -> None:
    assert [name for name, texts in TEXTS.items() if len(texts) != len(LANGUAGES) or not all(texts)] == []
