"""From settings to the views that files describe. `app.py` loads this where there are some."""

from __future__ import annotations

from pathlib import Path

from fhir_server.interactions.call import Services
from fhir_server.settings import Settings, SettingsError
from fhir_server.views.described import read_views
from mappings.views.describe import Described, Misdescribed


def open_views(settings: Settings, services: Services) -> list[Described]:
    """Return the views of the folder that the settings name. Raises SettingsError."""
    try:
        return read_views(Path(settings.views), services.registry)
    except Misdescribed as error:
        raise SettingsError(f"views: {error}.") from None
