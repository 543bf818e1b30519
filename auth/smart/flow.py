"""The way of a user through an authorization: sign in, choose what it is about, decide, back to the app.

Each step is a `Show` (a page, with what it shows) or a `Go` (an address). The request under way is kept (`pending`), so
that a page can be loaded again; whether a step is due is found anew from what is known each time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auth import grants
from auth.accounts import Account
from auth.assurance import DUE, MULTIPLE, Assurance, acr_of
from auth.clients import Client
from auth.grants import Grant
from auth.opaque import fingerprint
from auth.ports import Asker, Event, Store, Transaction
from auth.scopes import Known, Scopes, parse_scopes
from auth.smart import browser, codes, launches, pending
from auth.smart.authorization_request import AuthorizationRequest, Pairs, Return, client_id, judge, where
from auth.smart.browser import SignedIn
from auth.smart.codes import Code
from auth.smart.consent import decided
from auth.smart.context import Encounter, People, Person
from auth.smart.errors import Refusal, Stray
from auth.smart.launches import Launch
from auth.smart.pending import Pending
from auth.smart.registry import Registry
from auth.trail import Trail

SECOND = 1_000_000
ENCOUNTER = "launch/encounter"
Page = Literal["login", "patient", "encounter", "consent"]


@dataclass(frozen=True, slots=True)
class Show:
    """A page to show for the request `id`."""

    page: Page
    id: str
    request: AuthorizationRequest
    account: Account | None = None
    person: Person | None = None
    people: Sequence[Person] = ()
    encounter: Encounter | None = None
    encounters: Sequence[Encounter] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """An address to go to: the app's, or this request's page (`id`). `browser` is a new secret to remember there."""

    address: str | None = None
    id: str | None = None
    browser: str | None = None


Step = Show | Go


@dataclass(frozen=True, slots=True)
class Parts:
    """What the flow works with. `base` is the FHIR base and issuer; `forget` is told of each grant that was revoked,
    after the commit.
    """

    store: Store
    registry: Registry
    people: People
    trail: Trail
    known: Known
    base: str
    now: Callable[[], int]
    forget: Callable[[Grant], None]
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of a request at a step."""

    pending: Pending
    back: Return
    request: AuthorizationRequest
    signed: SignedIn | None
    launch: Launch | None = field(default=None)


@dataclass(frozen=True, slots=True)
class _About:
    """What the app is told that it is about: ids of a patient and an encounter."""

    patient: str | None = None
    encounter: str | None = None


class Flow:
    """A tenant's authorization endpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def begin(self, pairs: Pairs, secret: str | None) -> Go:
        """Take a request from the app; `secret` is the browser's, if it has one. Raises Stray."""
        back, client = await self._sender(pairs)
        try:
            judge(pairs, client, back, self._parts.base, self._parts.known)
        except Refusal as refusal:
            return Go(self._refused(back, refusal))
        known = secret or browser.stranger()
        begun = await self._parts.store.write(lambda tx: pending.begin(tx, pairs, known))
        return Go(id=begun.id, browser=None if secret else known)

    async def show(self, id: str, secret: str, asker: Asker, text: str = "") -> Step:
        """Return the page that is due, or where to go. `text` is what a patient is looked for by. Raises Stray."""
        return await self._show(await self._state(id, secret), asker, text)

    async def _show(self, state: _State, asker: Asker, text: str = "") -> Step:
        try:
            return await self._due(state, asker, text)
        except Refusal as refusal:
            await self._parts.store.write(lambda tx: pending.end(tx, state.pending))
            return Go(self._refused(state.back, refusal))

    async def signed_in(self, id: str, secret: str, signed: SignedIn) -> Go:
        """Go on with the request as somebody who has just signed in; the browser gets a new secret. Raises Stray."""
        state = await self._state(id, secret)

        async def work(tx: Transaction) -> str:
            fresh = await browser.remember(tx, signed)
            digest = fingerprint(fresh)
            await pending.keep(tx, state.pending, session=signed.grant.id, browser=digest)
            return fresh

        return Go(id=id, browser=await self._parts.store.write(work))

    async def sign_out(self, id: str, secret: str) -> Go:
        """End the session of who is signed in, for somebody else to sign in; the browser gets a new secret.

        Raises Stray.
        """
        state = await self._state(id, secret)
        fresh = browser.stranger()

        async def work(tx: Transaction) -> list[Grant]:
            await pending.keep(
                tx, state.pending, session=None, patient=None, encounter=None, browser=fingerprint(fresh)
            )
            return await browser.forget(tx, secret)

        for grant in await self._parts.store.write(work):
            self._parts.forget(grant)
        return Go(id=id, browser=fresh)

    async def choose(self, id: str, secret: str, patient: str) -> Go:
        """Take the patient that the user has chosen. Raises Stray for one that is not theirs to see."""
        state = await self._state(id, secret)
        account = self._chooser(state)
        if account is None or await self._parts.people.person(account, patient) is None:
            raise Stray("not_yours")
        await self._parts.store.write(lambda tx: pending.keep(tx, state.pending, patient=patient, encounter=None))
        return Go(id=id)

    async def choose_encounter(self, id: str, secret: str, encounter: str) -> Go:
        """Take the encounter that the user has chosen, "" for none. Raises Stray for one that is not the patient's."""
        state = await self._state(id, secret)
        account = self._chooser(state)
        if account is None:
            raise Stray("not_yours")
        if encounter:
            person = await self._patient(state, account)
            if person is None or await self._parts.people.encounter(account, encounter, person.id) is None:
                raise Stray("not_yours")
        await self._parts.store.write(lambda tx: pending.keep(tx, state.pending, encounter=encounter))
        return Go(id=id)

    def _chooser(self, state: _State) -> Account | None:
        """Return who may choose: who is signed in surely enough."""
        signed = state.signed
        sure = signed is not None and self._parts.assurance.suffices(signed.grant, signed.account)
        return signed.account if signed is not None and sure else None

    async def decide(self, id: str, secret: str, ticked: Collection[str] | None, asker: Asker) -> Step:
        """Take the user's decision: the scopes that were ticked, or None for no. Raises Stray."""
        state = await self._state(id, secret)
        if ticked is None:
            await self._parts.store.write(lambda tx: pending.end(tx, state.pending))
            return Go(self._refused(state.back, Refusal("access_denied", "The user said no.")))
        due = await self._show(state, asker)
        if not isinstance(due, Show) or due.page != "consent" or state.signed is None:
            return due
        scopes = decided(state.request.scopes, ticked, self._parts.known)
        if not scopes.resources and not scopes.words:
            return Go(self._refused(state.back, Refusal("access_denied", "The user granted nothing.")))
        told = due.person is not None and (_needs_patient(scopes) or "launch" in scopes.words)
        patient = due.person.id if due.person is not None and told else None
        named = due.encounter is not None and patient is not None and ENCOUNTER in scopes.words
        about = _About(patient, due.encounter.id if due.encounter is not None and named else None)
        return await self._grant(state, state.signed, scopes, about, asker)

    async def _grant(self, state: _State, signed: SignedIn, scopes: Scopes, about: _About, asker: Asker) -> Go:
        """Make the code for the app and end the request, together."""
        code, patient = self._code(state, signed, scopes, about), about.patient

        async def work(tx: Transaction) -> str | None:
            handle = state.request.launch
            if not await pending.end(tx, state.pending) or (handle and not await launches.use(tx, handle)):
                return None
            details = {"client": code.client, "scopes": code.scopes.split(), "patient": patient}
            patients = (patient,) if patient is not None else ()
            await self._parts.trail.note(
                Event("authorize", signed.account.actor, asker, patients=patients, details=details), tx
            )
            return await codes.issue(tx, code)

        secret = await self._parts.store.write(work)
        if secret is None:
            raise Stray("over")
        return Go(state.back.address(self._parts.base, code=secret))

    def _code(self, state: _State, signed: SignedIn, scopes: Scopes, about: _About) -> Code:
        request, launch = state.request, state.launch
        return Code(
            client=request.client.id,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            scopes=str(scopes),
            account=signed.account.id,
            session=signed.grant.id,
            auth_time=signed.grant.issued,
            nonce=request.nonce,
            patient=about.patient,
            encounter=launch.encounter if launch is not None else about.encounter,
            context=launch.context if launch is not None else {},
            amr=signed.grant.amr,
            acr=signed.grant.acr,
        )

    async def _due(self, state: _State, asker: Asker, text: str) -> Step:
        """Return the first step that is not done yet. Raises Refusal where it may not be shown (`prompt=none`)."""
        request, id = state.request, state.pending.id
        silent = "none" in request.prompt
        if state.signed is None or not self._is_fresh(state, state.signed) or _can_be_surer(request, state.signed):
            return _unless(silent, "login_required", Show("login", id, request))
        account = state.signed.account
        if not self._parts.assurance.suffices(state.signed.grant, account):
            raise Refusal("unmet_authentication_requirements", DUE)
        person = await self._patient(state, account)
        if person is None and _needs_patient(request.scopes):
            people = await self._parts.people.search(account, text)
            return _unless(silent, "interaction_required", Show("patient", id, request, account, people=people))
        encounter, choice = await self._encounter(state, account, person)
        if choice:
            show = Show("encounter", id, request, account, person, encounters=choice)
            return _unless(silent, "interaction_required", show)
        if silent and request.assured and await self._was_granted(request, account, person):
            about = _About(person.id if person else None)
            return await self._grant(state, state.signed, request.scopes, about, asker)
        return _unless(silent, "consent_required", Show("consent", id, request, account, person, encounter=encounter))

    async def _encounter(
        self, state: _State, account: Account, person: Person | None
    ) -> tuple[Encounter | None, Sequence[Encounter]]:
        """Return which encounter was chosen, and those to choose from, as long as the app wants one and none was.

        A launch brings its own. Without any that the user may see there is nothing to choose.
        """
        wanted = state.pending.encounter
        if (
            person is None
            or wanted == ""
            or state.request.launch is not None
            or ENCOUNTER not in state.request.scopes.words
        ):
            return None, ()
        found = await self._parts.people.encounter(account, wanted, person.id) if wanted is not None else None
        return found, () if found is not None else await self._parts.people.encounters(account, person.id)

    async def _patient(self, state: _State, account: Account) -> Person | None:
        """Return whom the app is about: of the launch, the only one that a patient has, or the one that was chosen."""
        wanted = state.pending.patient
        if state.request.launch is not None:
            if state.launch is None:
                raise Refusal("invalid_request", "The launch handle is unknown, used up, or for another app or user.")
            wanted = state.launch.patient or wanted
        elif account.role == "patient" and _needs_patient(state.request.scopes):
            wanted = account.id
        return await self._parts.people.person(account, wanted) if wanted is not None else None

    def _is_fresh(self, state: _State, signed: SignedIn) -> bool:
        """Return whether the user has signed in lately enough for what the app demands."""
        request = state.request
        if "login" in request.prompt and state.pending.session != signed.grant.id:
            return False
        oldest = self._parts.now() - request.max_age * SECOND if request.max_age is not None else 0
        return signed.grant.issued >= oldest or state.pending.session == signed.grant.id

    async def _was_granted(self, request: AuthorizationRequest, account: Account, person: Person | None) -> bool:
        """Return whether the user has granted as much to this app before, and has not taken it back."""
        for grant in await grants.grants_of(self._parts.store.records, account.id):
            same = grant.client == request.client.id and grant.patient == (person.id if person else None)
            scopes, _gone = parse_scopes(" ".join(grant.scopes), self._parts.known)
            if same and grant.is_alive(self._parts.now()) and request.scopes.within(scopes):
                return True
        return False

    async def _state(self, id: str, secret: str) -> _State:
        records = self._parts.store.records
        found = await pending.find(records, id, secret)
        if found is None:
            raise Stray("over")
        back, client = await self._sender(found.pairs)
        try:
            request = judge(found.pairs, client, back, self._parts.base, self._parts.known)
        except Refusal:
            raise Stray("changed") from None
        signed = await browser.who(records, secret, self._parts.now())
        launch = None
        if signed is not None and request.launch is not None:
            launch = await launches.find(records, request.launch, client.id, signed.account.id)
        return _State(found, back, request, signed, launch)

    async def _sender(self, pairs: Pairs) -> tuple[Return, Client]:
        client = await self._parts.registry.client(self._parts.store.records, client_id(pairs))
        back = where(pairs, client)
        assert client is not None
        return back, client

    def _refused(self, back: Return, refusal: Refusal) -> str:
        return back.address(self._parts.base, error=refusal.code, error_description=refusal.description)


def _needs_patient(scopes: Scopes) -> bool:
    return "launch/patient" in scopes.words or "patient" in scopes.levels


def _can_be_surer(request: AuthorizationRequest, signed: SignedIn) -> bool:
    """Return whether the app asks for two factors, and the user, who has given one, has another to sign in with.

    It asks for as much as can be had (OpenID Connect Core, 5.5.1.1): who has no other goes on, and no `acr` is said.
    """
    totp = signed.account.totp
    return MULTIPLE in request.acr_values and acr_of(signed.grant) != MULTIPLE and bool(totp and totp.confirmed)


def _unless(silent: bool, code: str, show: Show) -> Show:
    if silent:
        raise Refusal(code, "The user would have to do something, and prompt=none forbids to ask.")
    return show
