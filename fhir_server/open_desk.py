"""From settings to the desk of a tenant: accounts, apps, letters and an external provider, over its store.

It stands beside `app.py`, which loads it where the server asks for tokens: nobody else pays for these libraries.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from auth.assurance import Assurance
from auth.mail import Deliver, MailServer, by_printing, by_smtp
from auth.oidc import Provider
from auth.sealing import Unsealable
from auth.smart.discovery import Endpoints
from auth.throttle import shared_counts
from fhir_server.accounts.desk import Desk, Notice
from fhir_server.accounts.opening import Apps, Post, SignIn, also_at, opening
from fhir_server.fetching import Fetcher
from fhir_server.interactions.call import Services
from fhir_server.sealing import not_opened, seal_of
from fhir_server.settings import Settings, SettingsError

if TYPE_CHECKING:
    from limits.aio.storage import Storage


async def open_desk(settings: Settings, services: Services) -> Desk:
    """Return what accounts need, over the store of a tenant. Raises SettingsError."""
    fetcher = Fetcher(settings.fetch_origins)
    notice = Notice(settings.notice_url or f"{settings.root}/privacy", settings.notice_version)
    try:
        desk = await opening(
            services,
            notice,
            services.access,
            Apps(Endpoints(settings.root, settings.client_registration), fetcher),
            SignIn(
                await seal_of(settings),
                settings.registration,
                settings.cors_origins,
                settings.rate_factor,
                Assurance(settings.second_factor, settings.oidc_acr_values),
                _counts(settings),
                settings.access_token_s,
            ),
            Post(delivery(settings), settings.app_url),
        )
    except Unsealable as why:
        raise not_opened(settings, why) from None
    if not settings.oidc_issuer:
        return desk
    # Where the provider is the operator has said, so that may be internal; apps may not name it as theirs.
    provider = Fetcher([*settings.fetch_origins, *filter(None, (settings.oidc_issuer, settings.oidc_discovery))])
    return also_at(desk, _provider(settings), settings.oidc_role or None, provider)


def _provider(settings: Settings) -> Provider:
    return Provider(
        settings.oidc_name,
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        settings.oidc_redirect,
        settings.oidc_scope,
        settings.oidc_acr_values,
        settings.oidc_subject,
        settings.oidc_discovery,
    )


def _counts(settings: Settings) -> Storage | None:
    """Return where the servers of an installation count attempts together; None for one by itself."""
    address = settings.bus.get_secret_value()
    if not address:
        return None
    from limits.errors import ConfigurationError

    try:
        return shared_counts(address, settings.base)
    except ConfigurationError:
        told = "bus: redis needs the extra of that name: pip install 'fhir-health-server[redis]'."
        raise SettingsError(told) from None


def delivery(settings: Settings) -> Deliver:
    """Return what delivers letters."""
    if not settings.smtp_host:
        return by_printing(sys.stderr.write)
    password = settings.smtp_password.get_secret_value()
    server = MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.mail_from,
        settings.smtp_security,
        settings.smtp_user,
        password,
    )
    return by_smtp(server)
