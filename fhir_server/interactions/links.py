"""What the entries of a transaction refer to: each other by fullUrl, stored resources by conditional reference.

http://hl7.org/fhir/R4/http.html#transaction. Conditional references are collected first and each distinct one is
resolved once; inside the write, after everything is written, `hold` resolves them again, because that is the state
they mean. What it finds otherwise is learned for the next attempt.

Each resource is walked once. Its places are remembered with the texts they had, and the final texts are written into
them: the resources of the Bundle change for the time of the transaction, and `restore` ends that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

from fhir_server.errors import PreconditionFailed, Refusal, Unprocessable
from fhir_server.interactions.answer import together
from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import Criteria, Moved, as_criteria, matching, names
from fhir_server.interactions.entry import Entry
from fhir_server.model.reference import Conditional, Place, links, parse_reference, places, relative, rewrite
from fhir_server.store.base import Key, Snapshot

WRITES_CONTENT = frozenset({"create", "update", "patch"})


@dataclass(slots=True)
class Question:
    """A conditional reference: the expression of the entry it stands in first, and what it was resolved to."""

    criteria: Criteria
    entry: str
    answer: str = ""


@dataclass(slots=True)
class Links:
    """The links of one transaction.

    `targets` maps a fullUrl to the reference that replaces it; `siblings` maps (root, relative reference) for entries
    whose fullUrls share a root on another server. `questions` are the conditional references by their text, `places`
    what may have to be written in each entry's resource, by the entry's index; `asked` tells where each question
    stands first.
    """

    call: Call
    targets: dict[str, str] = field(default_factory=dict)
    siblings: dict[tuple[str, str], str] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)
    places: dict[int, list[Place]] = field(default_factory=dict)
    asked: dict[str, tuple[Entry, Place]] = field(default_factory=dict)

    def place(self, entries: Iterable[Entry]) -> None:
        """Learn where each entry's content will be. Raises Unprocessable when two entries have one fullUrl."""
        self.targets.clear()
        self.siblings.clear()
        for entry in entries:
            if entry.full_url is None or entry.identity is None or entry.interaction not in WRITES_CONTENT:
                continue
            key = entry.identity.key
            target = f"{key.type}/{key.id}"
            if self.targets.setdefault(entry.full_url, target) != target:
                raise Unprocessable(
                    "Another entry has this fullUrl, and references to it could mean either: give each its own.",
                    expression=f"{entry.name}.fullUrl",
                )
            root, own = _split(entry.full_url)
            if own:
                self.siblings[root, own] = target

    async def collect(self, entry: Entry, known: Set[str]) -> None:
        """Find the places of an entry's resource, and note the conditional references. Raises the refusal of a bad one.

        `known` are the fullUrls of the transaction.
        """
        resource = entry.call.resource
        if resource is None:
            return
        base = self.call.services.base
        related = bool(_split(entry.full_url or "")[0])
        kept = []
        for place in places(resource, known):
            text = place.text
            if place.type == "reference" and text not in known:
                if "?" in text:
                    await self._note(place, entry)
                elif not related and not text.startswith(base):
                    continue
            kept.append(place)
        if kept:
            self.places[entry.index] = kept

    async def _note(self, place: Place, entry: Entry) -> None:
        text = place.text
        if text not in self.questions:
            target = parse_reference(text, self.call.services.base)
            if isinstance(target, Conditional):
                self.asked[text] = entry, place
                self.questions[text] = Question(await self._criteria(target, text), entry.name)

    def _where(self, text: str) -> str | None:
        """Return the expression of the first place that holds the conditional reference, None when it is elsewhere."""
        if text not in self.asked:
            return None
        entry, place = self.asked[text]
        for found in links(entry.call.resource or {}):
            if found.holder is place.holder and found.key == place.key:
                return f"{entry.name}.resource.{found.expression.partition('.')[2]}"
        return None

    async def resolve(self, writes: Set[str], deletes: Set[Key]) -> None:
        """Answer every conditional reference as of now.

        One without a match whose type is among `writes` may mean what this transaction is about to write: it gets an
        id of nobody for now, and `hold` learns the right one. Raises PreconditionFailed about all that have none.
        """
        refusals: list[Refusal] = []
        for text, question in self.questions.items():
            criteria = question.criteria
            if text in self.learned:
                question.answer = self.learned[text]
                continue
            ids = await matching(self.call, self.call.reader, criteria, without=deletes)
            if not ids and criteria.type in writes:
                question.answer = f"{criteria.type}/{self.call.services.new_id()}"
                continue
            try:
                question.answer = f"{criteria.type}/{self._one(text, ids)}"
            except PreconditionFailed as refusal:
                refusals.append(refusal)
        if refusals:
            raise together(refusals)

    async def hold(self, tx: Snapshot) -> None:
        """Inside the write: raise Moved when a conditional reference means something else than was written.

        Raises PreconditionFailed about all that mean nothing.
        """
        moved, refusals = {}, []
        for text, question in self.questions.items():
            ids = await matching(self.call, tx, question.criteria)
            try:
                answer = f"{question.criteria.type}/{self._one(text, ids)}"
            except PreconditionFailed as refusal:
                refusals.append(refusal)
                continue
            if answer != question.answer:
                moved[text] = answer
        if refusals:
            raise together(refusals)
        if moved:
            self.learned.update(moved)
            raise Moved

    def apply(self, entry: Entry) -> None:
        """Put the final references into the entry's resource, or see to it that its patch does."""
        call = entry.call
        if entry.interaction == "patch":
            final = self._final(entry)
            call.links = lambda resource: rewrite(resource, final)
            return
        call.final = True
        found = self.places.get(entry.index)
        if not found:
            return
        final, named, base = self._final(entry), self.targets.get, call.services.base

        def local(text: str) -> str | None:
            return final(text) or relative(text, base)

        for place in found:
            place.put(local if place.type == "reference" else named)

    def restore(self) -> None:
        """Give the resources of the Bundle the texts back that they came with."""
        for found in self.places.values():
            for place in found:
                place.restore()

    def _final(self, entry: Entry) -> Callable[[str], str | None]:
        root, _ = _split(entry.full_url or "")
        targets, siblings, questions = self.targets, self.siblings, self.questions

        def final(text: str) -> str | None:
            found = targets.get(text)
            if found is None and root:
                found = siblings.get((root, text))
            if found is None and "?" in text and text in questions:
                found = questions[text].answer
            return found

        return final

    async def _criteria(self, target: Conditional, text: str) -> Criteria:
        try:
            return await as_criteria(self.call, target.type, target.query)
        except Refusal as refusal:
            raise type(refusal)(
                f"The conditional reference {target.type}?{names(target.query)} cannot be resolved: {refusal}",
                expression=self._where(text),
            ) from None

    def _one(self, text: str, ids: tuple[str, ...]) -> str:
        """Return the one match. Raises PreconditionFailed for none and for several."""
        if len(ids) == 1:
            return ids[0]
        question = self.questions[text]
        what = "matches several resources" if ids else "matches nothing"
        raise PreconditionFailed(
            f"The conditional reference {question.criteria.type}?{names(question.criteria.text)} {what}, and it must "
            "match exactly one. Nothing of the transaction was kept.",
            expression=self._where(text) or f"{question.entry}.resource",
            code="multiple-matches" if ids else "not-found",
        )


def _split(url: str) -> tuple[str, str]:
    """Split the fullUrl of a RESTful server into its root and the relative reference; both empty for any other."""
    if not url.startswith(("http://", "https://")):
        return "", ""
    root, _, rest = url.rpartition("/")
    root, _, type = root.rpartition("/")
    return root, f"{type}/{rest}"
