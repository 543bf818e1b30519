"""`kill -9` between and during deliveries: no event is lost, and none comes twice but what was under way."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import httpx

from tests.e2e.subscriptions.conftest import TRIES, Fhir
from tests.fakes.command import Running
from tests.fakes.listener import Listener, Received
from tests.fakes.subscribing import WEIGHTS, subscription, weight

KILLS = 5
BURST = 12


def serve(folder: Path, listener: Listener) -> Running:
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"]
    more = TRIES | {"FHIR_SERVER_SUBSCRIPTION_FAILURES": "1000"}
    return Running(arguments, folder, FHIR_SERVER_FETCH_ORIGINS=listener.origin, **more)


def versions(received: list[Received]) -> list[str]:
    return [each.path.rpartition("/")[2] for each in received]


def test_no_event_is_lost_and_none_repeated_but_what_was_under_way(tmp_path: Path) -> None:
    """The listener answers each request slowly, so that most kills come during a delivery."""
    chance = random.Random()
    written: list[str] = []

    def slowly(request: Received) -> int:
        time.sleep(0.02)
        return 200

    with Listener(slowly) as listener:
        with serve(tmp_path, listener) as running, httpx.Client(base_url=running.root, timeout=30) as http:
            Fhir(http).subscribe(subscription(WEIGHTS, listener.origin))
        for _ in range(KILLS):
            with serve(tmp_path, listener) as running, httpx.Client(base_url=running.root, timeout=30) as http:
                fhir = Fhir(http)
                written += [fhir.create(weight()) for _ in range(BURST)]
                before = len(listener.received)
                listener.count(before + 1)
                time.sleep(chance.uniform(0, 0.2))
                running.stop(signal.SIGKILL)
        with serve(tmp_path, listener):
            come = listener.wait(lambda received: versions(received)[-1:] == written[-1:])
    got = versions(come)
    assert list(dict.fromkeys(got)) == written, "each once, in the order of the commits"
    # Of one subscription one notification is under way at a time, so a kill repeats one at most.
    assert len(got) - len(written) <= KILLS


def test_what_was_written_while_it_was_killed_comes_afterwards(tmp_path: Path) -> None:
    """Killed before the feed is followed: writes that were acknowledged a moment ago lead to notifications."""
    with Listener() as listener:
        with serve(tmp_path, listener) as running, httpx.Client(base_url=running.root, timeout=30) as http:
            fhir = Fhir(http)
            fhir.subscribe(subscription(WEIGHTS, listener.origin))
            written = [fhir.create(weight()) for _ in range(3)]
            running.stop(signal.SIGKILL)
        with serve(tmp_path, listener):
            come = listener.wait(lambda received: set(written) <= set(versions(received)))
    assert list(dict.fromkeys(versions(come))) == written


def test_failures_count_on_after_a_restart(tmp_path: Path) -> None:
    """What waits for a dead endpoint waits in the store, and its subscription stays in error."""
    dead = threading.Event()
    with Listener(lambda request: 200 if dead.is_set() else 503) as listener:
        with serve(tmp_path, listener) as running, httpx.Client(base_url=running.root, timeout=30) as http:
            fhir = Fhir(http)
            id = fhir.subscribe(subscription(WEIGHTS, listener.origin))
            written = [fhir.create(weight()) for _ in range(3)]
            fhir.settled(id, "error")
            running.stop(signal.SIGKILL)
        listener.received.clear()
        with serve(tmp_path, listener) as running, httpx.Client(base_url=running.root, timeout=30) as http:
            fhir = Fhir(http)
            assert fhir.read(f"Subscription/{id}")["status"] == "error"
            listener.count(1)
            dead.set()
            fhir.settled(id, "active")
            come = listener.wait(lambda received: written[-1] in versions(received))
    assert list(dict.fromkeys(versions(come))) == written
