"""How this server looks, for apps that are opened within it (SMART App Launch 2.2, `smart_style_url`).

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

STYLE: Mapping[str, str] = {
    "color_background": "#eef3f8",
    "color_error": "#a3141f",
    "color_highlight": "#0b5cad",
    "color_modal_backdrop": "#fff",
    "color_success": "#1d6b3a",
    "color_text": "#16202b",
    "dim_border_radius": "0.5rem",
    "dim_font_size": "1.0625rem",
    "dim_spacing_size": "1rem",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}
"""The light colours and the sizes of the pages of this server; the pages take them from here."""

STYLE_PATH = f"style/{hashlib.sha256(json.dumps(dict(STYLE), sort_keys=True).encode()).hexdigest()[:16]}.json"
"""Where it is below `/auth`: another style is at another address, so that apps may keep it for good."""
