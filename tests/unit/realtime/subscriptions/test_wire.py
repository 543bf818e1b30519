"""The words of the socket of subscriptions, as R4 and Subscriptions R5 Backport have them."""

from __future__ import annotations

import pytest

from realtime.subscriptions.wire import Bind, BindWithToken, Misspelt, bound, decode, ping


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bind 4", Bind("4")),
        ("bind Subscription/a-b.c\n", Bind("a-b.c")),
        ("bind-with-token aB_-9", BindWithToken("aB_-9")),
    ],
)
def test_what_clients_say(text: str, meant: object) -> None:
    assert decode(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "bind", "bind a b", "bind a/b", "bind ../x", "BIND 4", "ping 4", "bind-with-token", "bind-with-token a."],
)
def test_what_nobody_says(text: str) -> None:
    with pytest.raises(Misspelt, match="bind ID"):
        decode(text)


def test_what_the_server_says() -> None:
    assert (bound("4"), ping("4")) == ("bound 4", "ping 4")
