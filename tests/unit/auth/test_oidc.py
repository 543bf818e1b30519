"""Sign-in at an external provider: a real one, and one that lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import oidc_provider_mock
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auth.errors import Denied, Unauthenticated
from auth.oidc import ALGORITHMS, Identity, Provider, Upstream
from fhir_server.accounts.asking import asking
from fhir_server.fetching import Fetcher
from fhir_server.interactions.call import system_clock
from tests.fakes.authority import Authority

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Json = dict[str, Any]
REDIRECT = "https://app.example/back"
ISSUER = "http://127.0.0.1:9/realm"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """A real provider's issuer."""
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


def known_user(provider: str, sub: str, **claims: Any) -> None:
    assert httpx.put(f"{provider}/users/{sub}", json=claims).status_code == 204


def visit(url: str, sub: str) -> tuple[str, str]:
    """Sign in at the provider in the browser's place; return the state and the code it sends back."""
    answer = httpx.post(url, data={"sub": sub})
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == REDIRECT
    query = parse_qs(back.query)
    return query["state"][0], query["code"][0]


def upstream_at(authority: Authority, issuer: str, **more: Any) -> Upstream:
    # The provider's clock is the wall's.
    authority.clock.now = system_clock()
    made = Provider("test", issuer, "client", "secret &?", REDIRECT, **more)
    allowed = [issuer, more["discovery"]] if "discovery" in more else [issuer]
    fetcher = Fetcher(each for each in allowed if each.startswith(("http://127.0.0.1:", "http://localhost:")))
    return Upstream(made, authority.store, authority.clock, asking(fetcher))


async def test_a_user_of_a_real_provider_is_recognised(authority: Authority, provider: str) -> None:
    known_user(provider, "ann", email="ann@example.org", email_verified=True, given_name="Ann")
    upstream = upstream_at(authority, provider, scope="openid email profile")
    begun = await upstream.begin()
    asked = parse_qs(urlsplit(begun.url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert begun.session not in begun.url
    identity = await upstream.finish(begun.session, *visit(begun.url, "ann"))
    assert (identity.subject, identity.name, identity.amr) == (f"{provider} ann", "ann", ("ext",))
    assert (identity.claims["email"], identity.claims["given_name"]) == ("ann@example.org", "Ann")


async def test_a_professional_is_named_as_pro_sante_connect_names_them(authority: Authority, provider: str) -> None:
    claims = {"SubjectNameID": "810101201234", "acr": "eidas1", "amr": ["otp"], "family_name": "Garnier"}
    known_user(provider, "f:uuid:810101201234", **claims)
    upstream = upstream_at(
        authority,
        provider,
        scope="openid scope_all profile",
        acr_values=("eidas1",),
        subject="SubjectNameID",
        discovery=f"{provider}/.well-known/openid-configuration",
    )
    begun = await upstream.begin()
    assert parse_qs(urlsplit(begun.url).query)["acr_values"] == ["eidas1"]
    identity = await upstream.finish(begun.session, *visit(begun.url, "f:uuid:810101201234"))
    assert (identity.name, identity.acr, identity.amr) == ("810101201234", "eidas1", ("ext", "otp"))


async def test_who_is_not_recognised_surely_enough_does_not_enter(authority: Authority, provider: str) -> None:
    known_user(provider, "weak", acr="eidas0")
    upstream = upstream_at(authority, provider, acr_values=("eidas1",))
    begun = await upstream.begin()
    with pytest.raises(Denied):
        await upstream.finish(begun.session, *visit(begun.url, "weak"))


async def test_what_was_begun_ends_once_in_the_same_browser_within_its_time(
    authority: Authority, provider: str
) -> None:
    known_user(provider, "ann")
    upstream = upstream_at(authority, provider)
    mine, other = await upstream.begin(), await upstream.begin()
    state, code = visit(mine.url, "ann")
    with pytest.raises(Unauthenticated):
        await upstream.finish(other.session, state, code)
    with pytest.raises(Unauthenticated):
        await upstream.finish("x", state, code)
    assert (await upstream.finish(mine.session, state, code)).name == "ann"
    with pytest.raises(Unauthenticated):
        await upstream.finish(mine.session, state, code)
    late = await upstream.begin()
    back = visit(late.url, "ann")
    authority.clock.advance(601)
    with pytest.raises(Unauthenticated):
        await upstream.finish(late.session, *back)


async def test_a_code_of_another_sign_in_is_refused_by_the_provider_and_by_us(
    authority: Authority, provider: str
) -> None:
    known_user(provider, "ann")
    known_user(provider, "eve")
    upstream = upstream_at(authority, provider)
    ann, eve = await upstream.begin(), await upstream.begin()
    _, code = visit(eve.url, "eve")
    state, _ = visit(ann.url, "ann")
    with pytest.raises(Unauthenticated):
        await upstream.finish(ann.session, state, code)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9", "http://example.org", "ftp://127.0.0.1", "nonsense"])
async def test_a_provider_that_is_not_there_is_told_in_a_sentence(authority: Authority, issuer: str) -> None:
    with pytest.raises(Denied):
        await upstream_at(authority, issuer).begin()


async def test_a_provider_under_another_name_is_not_the_one(authority: Authority, provider: str) -> None:
    other = upstream_at(authority, ISSUER, discovery=f"{provider}/.well-known/openid-configuration")
    with pytest.raises(Denied):
        await other.begin()


KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)


class Liar:
    """A provider whose identity tokens and answers a test makes up."""

    def __init__(self, authority: Authority, make: Callable[[Json], str], user: Json | None = None) -> None:
        self.authority, self.make, self.user = authority, make, user
        self.nonce = ""
        self.asked: list[str] = []

    async def ask(self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
        self.asked.append(url)
        path = url.removeprefix(ISSUER)
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
        described = {name: ISSUER + where for name, where in names.items()}
        described |= {"issuer": ISSUER, "userinfo_endpoint": f"{ISSUER}/me"}
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "k", "use": "sig"}
        now = self.authority.clock() // 1_000_000
        claims = {"iss": ISSUER, "aud": "client", "sub": "ann", "iat": now, "exp": now + 60, "nonce": self.nonce}
        answers = {
            "/.well-known/openid-configuration": described,
            "/keys": {"keys": [jwk]},
            "/token": {"access_token": "a", "id_token": self.make(claims)},
            "/me": self.user or {"sub": "ann"},
        }
        return json.dumps(answers[path]).encode()

    async def enter(self) -> Identity:
        provider = Provider("liar", ISSUER, "client", "secret", REDIRECT)
        upstream = Upstream(provider, self.authority.store, self.authority.clock, self.ask)
        begun = await upstream.begin()
        asked = parse_qs(urlsplit(begun.url).query)
        self.nonce = asked["nonce"][0]
        return await upstream.finish(begun.session, asked["state"][0], "code")


def signed(claims: Json, key: Any = KEY, alg: str = "RS256", kid: str = "k") -> str:
    return jwt.encode(claims, key, alg, {"kid": kid})


async def test_an_honest_token_is_taken(authority: Authority) -> None:
    for alg in (alg for alg in ALGORITHMS if alg != "ES256"):
        identity = await Liar(authority, lambda claims, alg=alg: signed(claims, alg=alg)).enter()
        assert identity.name == "ann"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda claims: signed(claims | {"nonce": "another"}), id="nonce"),
        pytest.param(lambda claims: signed({n: v for n, v in claims.items() if n != "nonce"}), id="no nonce"),
        pytest.param(lambda claims: signed(claims | {"aud": "somebody"}), id="aud"),
        pytest.param(lambda claims: signed(claims | {"aud": ["client", "somebody"]}), id="aud without azp"),
        pytest.param(lambda claims: signed(claims | {"azp": "somebody"}), id="azp"),
        pytest.param(lambda claims: signed(claims | {"iss": ISSUER + "/"}), id="iss"),
        pytest.param(lambda claims: signed(claims | {"exp": claims["iat"] - 61}), id="expired"),
        pytest.param(lambda claims: signed(claims | {"iat": claims["iat"] + 3600}), id="not yet"),
        pytest.param(lambda claims: signed({n: v for n, v in claims.items() if n != "exp"}), id="no exp"),
        pytest.param(lambda claims: signed({n: v for n, v in claims.items() if n != "sub"}), id="no sub"),
        pytest.param(lambda claims: signed(claims, OTHER), id="another key"),
        pytest.param(lambda claims: signed(claims, kid="unknown"), id="unknown key"),
        pytest.param(lambda claims: signed(claims, alg="RS512"), id="another algorithm"),
        pytest.param(lambda claims: jwt.encode(claims, None, "none", {"kid": "k"}), id="none"),
        pytest.param(lambda claims: jwt.encode(claims, "s" * 32, "HS256", {"kid": "k"}), id="HS256"),
        pytest.param(lambda claims: "", id="no token"),
    ],
)
async def test_a_token_that_is_not_for_us_now_and_for_this_is_refused(
    authority: Authority, make: Callable[[Json], str]
) -> None:
    with pytest.raises(Unauthenticated):
        await Liar(authority, make).enter()


async def test_what_is_told_beside_the_token_must_be_about_the_same_person(authority: Authority) -> None:
    with pytest.raises(Unauthenticated):
        await Liar(authority, signed, {"sub": "eve"}).enter()
    identity = await Liar(authority, signed, {"sub": "ann", "acr": "eidas3", "family_name": "A"}).enter()
    assert (identity.acr, identity.claims["family_name"]) == (None, "A")


async def test_an_unknown_key_does_not_make_us_ask_by_the_thousand(authority: Authority) -> None:
    liar = Liar(authority, lambda claims: signed(claims, kid="unknown"))
    provider = Provider("liar", ISSUER, "client", "secret", REDIRECT)
    upstream = Upstream(provider, authority.store, authority.clock, liar.ask)
    for _ in range(5):
        begun = await upstream.begin()
        asked = parse_qs(urlsplit(begun.url).query)
        with pytest.raises(Unauthenticated):
            await upstream.finish(begun.session, asked["state"][0], "code")
    assert liar.asked.count(f"{ISSUER}/keys") == 1
    assert liar.asked.count(f"{ISSUER}/.well-known/openid-configuration") == 1
