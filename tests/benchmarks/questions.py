"""Searches drawn from the data, as often as what they ask for occurs there, and what is wrong with an answer.

Each draw is repeatable, and the searches of one kind at 1 copy and at 16 ask for the same things, in one copy or
another.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from tests.benchmarks import answers
from tests.benchmarks.copies import Copy, Synthea
from tests.benchmarks.known import Known, known

Json = dict[str, Any]
SEED = 20240229
SHORTEST = 5
"""Letters of a name that somebody types at least."""


@dataclass(frozen=True, slots=True)
class Question:
    """A search, as what follows the base URL; `wrong` returns what is wrong with its answer, "" for nothing.

    It is asked with `_total=accurate` when its answer is looked at.
    """

    path: str
    wrong: Callable[[Json], str]


@dataclass(frozen=True)
class Questions:
    """Draws searches about `count` copies of the set."""

    synthea: Synthea
    count: int

    @cached_property
    def known(self) -> Known:
        """The facts they are drawn from."""
        return known(self.synthea)

    @cached_property
    def copies(self) -> Sequence[Copy]:
        """The copies there are."""
        return [self.synthea.copy(number) for number in range(self.count)]

    def results(self) -> Iterator[Question]:
        """Yield searches for the newest results of a patient by code."""
        what, where = random.Random(SEED), random.Random(SEED)
        while True:
            drawn = what.choice(self.known.observations)
            patient = where.choice(self.copies).of(drawn.patient)
            path = f"Observation?patient={patient}&code={quote(drawn.code)}&_sort=-date&_count=20"
            check = partial(answers.results, patient=patient, code=drawn.code, total=self.known.results[drawn])
            yield Question(path, check)

    def chains(self) -> Iterator[Question]:
        """Yield searches for Observations by the beginning of the patient's name; the whole name half of the time."""
        draw = random.Random(SEED)
        while True:
            copy = draw.choice(self.copies)
            name = copy.of(draw.choice([each for names in self.known.names.values() for each in names]))
            if len(name) < SHORTEST:
                continue
            start = name if draw.random() < 0.5 else name[: draw.randint(SHORTEST, len(name))]
            path = f"Observation?subject:Patient.name={quote(start)}&_count=20"
            yield Question(path, partial(self._wrong_chain, start))

    def _wrong_chain(self, start: str, answer: Json) -> str:
        found = {copy.of(id): id for copy in self.copies for id in self.known.named(copy, start)}
        total = sum(self.known.per_patient[id] for id in found.values())
        return answers.chain(answer, patients=found.keys(), total=total)

    def having(self) -> Iterator[Question]:
        """Yield searches for patients that have an Observation of a code; pages of 10 to 20, so that URLs differ."""
        draw = random.Random(SEED)
        while True:
            code = draw.choice(self.known.observations).code
            size = draw.randint(10, 20)
            path = f"Patient?_has:Observation:patient:code={quote(code)}&_count={size}"
            yield Question(path, partial(answers.having, size=size, total=self.count * self.known.having(code)))

    def visits(self, beside: str) -> Iterator[Question]:
        """Yield searches for a patient's visits, with the patient and the resources of type `beside` of each visit.

        Pages are of 8 to 12 visits, so that URLs differ.
        """
        draw = random.Random(SEED)
        patients = list(self.known.encounters.values())
        while True:
            copy = draw.choice(self.copies)
            id = draw.choice(patients)
            size = draw.randint(8, 12)
            path = f"Encounter?patient={copy.of(id)}&_count={size}&_include=Encounter:subject"
            yield Question(
                f"{path}&_revinclude={beside}:encounter", partial(self._wrong_visits, copy, id, beside, size)
            )

    def _wrong_visits(self, copy: Copy, patient: str, beside: str, size: int, answer: Json) -> str:
        own = {copy.of(visit): visit for visit, whose in self.known.encounters.items() if whose == patient}
        counts = {there: self.known.beside[beside][here] for there, here in own.items()}
        return answers.visits(answer, patient=copy.of(patient), beside=beside, size=size, counts=counts)

    def texts(self) -> Iterator[Question]:
        """Yield searches for a word that something of the type is shown with."""
        draw = random.Random(SEED)
        while True:
            drawn = draw.choice(self.known.spoken)
            if drawn.words:
                word = draw.choice(drawn.words)
                size = draw.randint(10, 20)
                path = f"{drawn.type}?_content={quote(word)}&_count={size}"
                least = self.count * self.known.said[drawn.type, word.lower()]
                yield Question(path, partial(answers.texts, word=word, size=size, least=least))
