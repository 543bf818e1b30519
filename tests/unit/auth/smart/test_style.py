"""How apps are told what this server looks like (SMART App Launch 2.2, styling)."""

from __future__ import annotations

import re

from auth.smart.pages import Pages
from auth.smart.style import STYLE, STYLE_PATH

NAMED = {
    "color_background",
    "color_error",
    "color_highlight",
    "color_modal_backdrop",
    "color_success",
    "color_text",
    "dim_border_radius",
    "dim_font_size",
    "dim_spacing_size",
    "font_family_body",
    "font_family_heading",
}
"""What https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling names."""


def test_the_style_says_what_the_guide_names_and_no_more() -> None:
    assert set(STYLE) == NAMED
    for name, value in STYLE.items():
        form = {"color": r"#[0-9a-f]{3,6}", "dim": r"[0-9.]+rem", "font": r"[a-z, -]+"}[name.partition("_")[0]]
        assert re.fullmatch(form, value), name
    assert re.fullmatch(r"style/[0-9a-f]{16}\.json", STYLE_PATH)


def test_the_pages_look_as_apps_are_told() -> None:
    page = Pages().render("stray", "en", "nonce", problem="over")
    shown = {
        "--soft": "color_background",
        "--ink": "color_text",
        "--accent": "color_highlight",
        "--alarm": "color_error",
    }
    for name, told in shown.items():
        assert f"{name}: {STYLE[told]};" in page
    assert f"{STYLE['dim_font_size']}/1.5 {STYLE['font_family_body']};" in page
