"""From settings to subscriptions: what they may ask for, and who follows the change feed for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_server.addresses import AddressRefused, admit, origin
from fhir_server.errors import Refusal
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.rules import Rules
from fhir_server.settings import Settings, SettingsError
from realtime.subscriptions.topic import Topic, TopicError, read_topic
from realtime.subscriptions.wire import topic_of

if TYPE_CHECKING:
    from fhir_server.accounts.desk import Desk
    from fhir_server.live.opening import Live
    from fhir_server.subscriptions.engine import Engine

SOCKET = "/socket/subscriptions"
OPEN = ("rest-hook",)
"""The channels of a server in open mode, which has no accounts that could open sockets or get letters."""


def subscription_rules(settings: Settings) -> Rules:
    """Return what subscriptions may ask for. Raises SettingsError for topics that cannot be followed."""
    offered = settings.subscription_channels
    channels = tuple(each for each in offered if settings.auth == "required" or each in OPEN)

    allowed = frozenset(origin(each) for each in settings.fetch_origins)

    def refused(url: str) -> str | None:
        try:
            admit(url, allowed)
        except AddressRefused as refusal:
            return str(refusal)
        return None

    topics = _topics(settings.subscription_topics) if channels else {}
    return Rules(channels, topics, refused, settings.subscriptions)


def websocket_address(settings: Settings) -> str | None:
    """Return where subscriptions are heard on sockets, None where they are not."""
    if settings.auth != "required" or "websocket" not in settings.subscription_channels:
        return None
    return f"ws{settings.root.removeprefix('http')}{SOCKET}"


async def open_subscriptions(settings: Settings, services: Services, desk: Desk | None, live: Live | None) -> Engine:
    """Return the follower of a tenant's store, at work. Without accounts (`desk`) everybody owns everything.

    `live` are the sockets on which subscriptions are heard.
    """
    from fhir_server.interactions.telling.owners import Whose, everybody
    from fhir_server.subscriptions.channels import RestHooks
    from fhir_server.subscriptions.courier import Means
    from fhir_server.subscriptions.engine import NAME, Engine
    from fhir_server.subscriptions.lease import Lease
    from realtime.subscriptions.backoff import Backoff

    whose: Whose = everybody
    if desk is not None:
        from fhir_server.subscriptions.account_owners import of_accounts

        whose = of_accounts(services)

    def push(id: str) -> None:
        if live is not None:
            live.bus.publish(topic_of(id), {})

    engine = Engine(
        Means(
            services=services,
            # One process alone can write these stores, whatever it is told of others.
            lease=Lease(services.store, NAME, services.now, alone=settings.store.startswith(("sqlite:", "memory:"))),
            whose=whose,
            hooks=RestHooks(settings.fetch_origins),
            backoff=Backoff(
                settings.subscription_retry_s,
                settings.subscription_retry_max_s,
                settings.subscription_errors,
                settings.subscription_failures,
            ),
            push=push,
            post=None if desk is None else desk.auth.outbox.send,
        )
    )
    await engine.begin()
    if desk is not None:
        desk.auth.admission.watch(engine.recall)
    return engine


def demand_conditions(services: Services) -> None:
    """Raise SettingsError for a topic whose criteria are not answered here."""
    from fhir_server.subscriptions.roster import check_topic

    for topic in services.subscribing.topics.values():
        try:
            check_topic(services, topic)
        except (Refusal, ValueError) as refusal:
            raise SettingsError(f"subscription_topics: {topic.url} cannot be followed: {refusal}") from None


def _topics(folder: str) -> Mapping[str, Topic]:
    found = {}
    own = (resources.files("realtime.subscriptions") / "topics").iterdir()
    files = [(each.name, each.read_text("utf-8")) for each in own if each.name.endswith(".json")]
    try:
        if folder:
            files += [(each.name, each.read_text("utf-8")) for each in sorted(Path(folder).glob("*.json"))]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"subscription_topics: {folder} cannot be read ({type(error).__name__}).") from None
    if folder and not Path(folder).is_dir():
        raise SettingsError(f"subscription_topics: there is no folder {folder}.")
    for name, text in files:
        try:
            topic = read_topic(json.loads(text))
        except (TopicError, ValueError, AttributeError) as error:
            raise SettingsError(f"subscription_topics: {name} is no topic that can be followed: {error}.") from None
        found[topic.url] = topic
    return found
