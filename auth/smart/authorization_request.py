"""An authorization request, read and judged (RFC 6749 4.1.1, RFC 7636, RFC 9207, SMART App Launch 2.2).

First who asks and where the answer may go, for which a user sees a page; then all the rest, which the app is told at
its redirect URI. PKCE by S256 is demanded of everybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from auth.clients import Client
from auth.scopes import Known, Scopes, parse_scopes
from auth.smart.errors import Refusal, Stray

Pairs = Sequence[tuple[str, str]]
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""The S256 of a verifier: 32 bytes in base64url."""
CONTEXT = frozenset(("launch/patient", "launch/encounter"))
LONGEST_STATE = 2048
LONGEST_SCOPE = 10_000
PROMPTS = frozenset(("none", "login", "consent", "select_account"))


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an app asks of a user: `scopes` are those it may be granted of those it asked for.

    `launch` is the handle of an EHR launch. `prompt` and `max_age` (seconds) say how sure it wants to be that the user
    is there, `acr_values` how surely they should be recognised: what is not known or cannot be had is no error.
    """

    client: Client
    redirect_uri: str
    state: str
    scopes: Scopes
    challenge: str
    nonce: str | None = None
    launch: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: frozenset[str] = frozenset()

    @property
    def assured(self) -> bool:
        """Whether the answer is of use to this app alone: it proves itself, or is answered at an https address.

        Any program of the user's machine may listen on it, or claim a scheme (RFC 8252, 8.6).
        """
        return self.client.confidential or urlsplit(self.redirect_uri).scheme == "https"


@dataclass(frozen=True, slots=True)
class Return:
    """Where an answer goes: a registered redirect URI, and the state that it repeats."""

    redirect_uri: str
    state: str | None

    def address(self, issuer: str, **answer: str) -> str:
        """Return the address with the answer in its query."""
        parts = urlsplit(self.redirect_uri)
        state = {} if self.state is None else {"state": self.state}
        query = urlencode({**answer, **state, "iss": issuer})
        return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def client_id(pairs: Pairs) -> str:
    """Return the id of the app that asks. Raises Stray."""
    id = _one(pairs, "client_id")
    if id is None:
        raise Stray("unknown_app")
    return id


def where(pairs: Pairs, client: Client | None) -> Return:
    """Return where the answer may go. Raises Stray for an app or an address that is not registered."""
    if client is None or client.disabled:
        raise Stray("unknown_app")
    uri = _one(pairs, "redirect_uri")
    if uri is None or not client.may_return_to(uri):
        raise Stray("no_address")
    states = [value for name, value in pairs if name == "state"]
    return Return(uri, states[0] if len(states) == 1 and len(states[0]) <= LONGEST_STATE else None)


def judge(pairs: Pairs, client: Client, back: Return, base: str, known: Known) -> AuthorizationRequest:
    """Return what is asked of the user. Raises Refusal. `base` is the FHIR base, which `aud` must name."""
    said = _each_once(pairs)
    if "authorization_code" not in client.grant_types:
        raise Refusal("unauthorized_client", "This client is not registered for authorization_code.")
    if said.get("response_type") != "code":
        raise Refusal("unsupported_response_type", "response_type must be code.")
    if said.get("response_mode", "query") != "query" or "request" in said or "request_uri" in said:
        raise Refusal("invalid_request", "Parameters stand in the query or form, and the answer goes in the query.")
    if back.state is None or not back.state:
        raise Refusal("invalid_request", f"state is needed, once, of at most {LONGEST_STATE} characters.")
    if said.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(said.get("code_challenge", "")):
        raise Refusal(
            "invalid_request", "PKCE is needed: code_challenge_method=S256, and a code_challenge of 43 characters."
        )
    audience = said.get("aud", said.get("resource"))
    if audience is None or audience.removesuffix("/") != base:
        raise Refusal("invalid_request", "aud must be the FHIR base address of this server.")
    return AuthorizationRequest(
        client=client,
        redirect_uri=back.redirect_uri,
        state=back.state,
        scopes=_scopes(said, client, known),
        challenge=said["code_challenge"],
        nonce=said.get("nonce"),
        launch=_launch(said),
        prompt=_prompt(said),
        max_age=_max_age(said),
        acr_values=frozenset(said.get("acr_values", "").split()),
    )


def _scopes(said: dict[str, str], client: Client, known: Known) -> Scopes:
    text = said.get("scope", "")
    if not text or len(text) > LONGEST_SCOPE:
        raise Refusal("invalid_scope", "scope is needed.")
    asked, refused = parse_scopes(text, known)
    scopes = _openable(asked.meet(client.scopes), launched="launch" in said)
    if not scopes.resources and not scopes.words:
        first = f" {refused[0].scope} {refused[0].reason}." if refused else ""
        raise Refusal("invalid_scope", f"Nothing of what is asked for can be granted to this app.{first}")
    if {"patient", "user"} >= scopes.levels:
        return scopes
    raise Refusal("invalid_scope", "system/ scopes are for backend services, not for users.")


def _openable(scopes: Scopes, *, launched: bool) -> Scopes:
    """Return the scopes with the patient context that patient/ scopes cannot do without, and no other context that
    nobody can be asked for. Who chooses an encounter has chosen its patient; a launch brings both, or has none.
    """
    scopes = Scopes(scopes.resources, tuple(w for w in scopes.words if not w.startswith("launch/") or w in CONTEXT))
    needs = any(each.level == "patient" for each in scopes.resources)
    needs = needs or ("launch/encounter" in scopes.words and not launched)
    has = {"launch", "launch/patient"} & set(scopes.words)
    return Scopes(scopes.resources, (*scopes.words, "launch/patient")) if needs and not has else scopes


def _launch(said: dict[str, str]) -> str | None:
    launch = said.get("launch")
    if "launch" in said.get("scope", "").split(" ") and not launch:
        raise Refusal("invalid_request", "The scope launch needs the launch handle that the app was opened with.")
    return launch


def _prompt(said: dict[str, str]) -> frozenset[str]:
    prompt = frozenset(said.get("prompt", "").split())
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise Refusal("invalid_request", "prompt is none, or some of login, consent and select_account.")
    return prompt


def _max_age(said: dict[str, str]) -> int | None:
    age = said.get("max_age")
    if age is None:
        return None
    if not age.isascii() or not age.isdigit() or len(age) > 9:
        raise Refusal("invalid_request", "max_age must be a number of seconds.")
    return int(age)


def _each_once(pairs: Pairs) -> dict[str, str]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise Refusal("invalid_request", "A parameter comes more than once.")
    return {name: value for name, value in said.items() if value}


def _one(pairs: Pairs, name: str) -> str | None:
    found = [value for given, value in pairs if given == name]
    if len(found) > 1:
        raise Stray("doubled")
    return found[0] if found and found[0] else None
