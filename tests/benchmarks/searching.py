"""Searching over HTTP: the Synthea set once and in re-identified copies, and counting a million Observations.

32 connections, audit on; the servers have one core, the load generator the other. Only one of them works at a time, and
each has met its questions once before it is measured: a server that has just begun reads its file for the first time.
What a server refuses, or answers wrongly on a sample, is a row that says so.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.benchmarks import counting, load
from tests.benchmarks.copies import synthea
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_rates import requests_file
from tests.benchmarks.processes import CLIENT_CORE, CORES, calibration, our_server
from tests.benchmarks.questions import Question, Questions
from tests.benchmarks.stores import Stores, stores
from tests.benchmarks.walking import Client, Refused, client, walk

FULL = 16
ROUNDS = 5
SECONDS = 3.0
DRAWN = 4000
SAMPLE = 60
PAGE = 1000
OURS = "Observation?patient=&code=&_sort=-date&_count=20"
AIM, KEPT = 0.5, 0.8
"""What `OURS` is held to with one copy, of an empty route, and with all of them, of its rate with one."""
SLOWEST = 50.0
"""Milliseconds that the 99th percentile of a row under 0.2 x may take."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of search on one server; `wrong` is what its sample showed, the loads are its rounds."""

    work: str
    base: str
    requests: Path
    wrong: str
    loads: list[load.Load]

    def run(self) -> None:
        """Measure one round, unless the answers are wrong."""
        if not self.wrong:
            self.loads.append(self.ask())

    def ask(self) -> load.Load:
        """Ask for one round."""
        return load.run(self.base, seconds=SECONDS, requests=self.requests)

    @property
    def failed(self) -> str:
        """What makes its figures mean nothing."""
        refused = sum(each.refused for each in self.loads)
        return self.wrong or (f"{refused} answers were not 2xx" if refused else "")

    def times(self) -> str:
        """Tell rate and latencies."""
        rate, median, p99 = (statistics.median(getattr(each, name) for each in self.loads) for name in TOLD)
        return f"{rate:,.0f}/s, p50 {median:.1f} ms, p99 {p99:.1f} ms"


TOLD = ("rate", "median", "p99")


def measure(scale: int = FULL) -> list[Figure]:
    """Return the figures of searching with `scale` copies of the set."""
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as name:
        folder = Path(name)
        os.sched_setaffinity(0, CORES)
        data = synthea()
        made = stores(data, scale, folder)
        os.sched_setaffinity(0, {CLIENT_CORE})
        questions = Questions(data, scale)
        return [*_loaded(made, questions, folder), *_alone(made, questions)]


def _loaded(made: Stores, questions: Questions, folder: Path) -> list[Figure]:
    """Measure what is asked over 32 connections, all kinds in turn."""
    with ExitStack() as running:
        other = running.enter_context(calibration())
        once, _ = running.enter_context(our_server(made.once))
        copies, _ = running.enter_context(our_server(made.copies))
        at = f"{questions.count}x"
        rows = [
            _row(folder, f"{OURS} at 1x", once, Questions(questions.synthea, 1).results()),
            _row(folder, f"{OURS} at {at}", copies, questions.results()),
            _row(folder, f"chain Observation?subject:Patient.name= at {at}", copies, questions.chains()),
            _row(folder, f"Patient?_has:Observation:patient:code= at {at}", copies, questions.having()),
            _row(folder, f"Encounter page with Patient and Conditions at {at}", copies, questions.visits("Condition")),
            _row(folder, f"the same with its Observations at {at}", copies, questions.visits("Observation")),
            _row(folder, f"_content= at {at}", copies, questions.texts()),
        ]
        empty = []
        for row in rows:
            row.ask()
        for _ in range(ROUNDS):
            empty.append(load.run(f"{other}/empty", seconds=SECONDS))
            for row in rows:
                row.run()
    small, large, *others, text = rows
    return [
        _ratio(small, empty, AIM),
        _ratio(large, empty, KEPT * AIM),
        _kept(small, large),
        *(_ratio(row, empty, 0.2, slowest=SLOWEST) for row in others),
        _quick(text),
    ]


def _row(folder: Path, work: str, base: str, drawn: Iterator[Question]) -> Row:
    questions = list(islice(drawn, DRAWN))
    requests = requests_file(
        folder, urllib.parse.quote(work, safe=""), (load.request(f"{base}/{each.path}") for each in questions)
    )
    with client(base) as asked:
        return Row(work, base, requests, _wrong(asked, questions[:: DRAWN // SAMPLE]), [])


def _wrong(asked: Client, sample: Sequence[Question]) -> str:
    """Ask a sample and return what is wrong with the first answer that is wrong."""
    for question in sample:
        try:
            found = question.wrong(asked.ask(f"{question.path}&_total=accurate"))
        except Refused as refused:
            return f"refused: {refused}"
        if found:
            return f"wrong: {found}"
    return ""


def _ratio(row: Row, empty: Sequence[load.Load], aim: float, slowest: float | None = None) -> Figure:
    bound = f", p99 under {slowest:.0f} ms" if slowest else ""
    if row.failed:
        return Figure(row.work, row.failed, f"{aim} x an empty FastAPI route{bound}", False)
    ratio = statistics.median(a.rate / b.rate for a, b in zip(row.loads, empty, strict=True))
    p99 = statistics.median(each.p99 for each in row.loads)
    reached = ratio >= aim and (slowest is None or p99 < slowest)
    return Figure(row.work, f"{ratio:.2f} x FastAPI ({row.times()})", f"{aim} x an empty FastAPI route{bound}", reached)


def _kept(small: Row, large: Row) -> Figure:
    work, aim = "its rate with all copies against that with one", f"{KEPT} x"
    if small.failed or large.failed:
        return Figure(work, small.failed or large.failed, aim, False)
    ratio = statistics.median(b.rate / a.rate for a, b in zip(small.loads, large.loads, strict=True))
    return Figure(work, f"{ratio:.2f} x", aim, ratio >= KEPT)


def _quick(row: Row) -> Figure:
    if row.failed:
        return Figure(row.work, row.failed, "p50 under 20 ms", False)
    return Figure(row.work, row.times(), "p50 under 20 ms", statistics.median(e.median for e in row.loads) < 20)


def _alone(made: Stores, questions: Questions) -> list[Figure]:
    """Measure what one client asks: counting, and walking over all Observations."""
    counts = counting.measure(made.counted, made.matching)
    with our_server(made.copies) as (base, _), client(base) as asked:
        return [*counts, _walk(asked, questions)]


def _walk(asked: Client, questions: Questions) -> Figure:
    work, aim = f"walking Observation?_count={PAGE} to the end", "20,000 resources/s"
    expected = {copy.of(id) for copy in questions.copies for id in questions.known.observation_ids}
    rates = []
    try:
        for _ in range(ROUNDS):
            walked = walk(asked, f"Observation?_count={PAGE}")
            rates.append(len(expected) / walked.took)
    except Refused as refused:
        return Figure(work, f"refused: {refused}", aim, False)
    ids = walked.ids()
    if len(ids) != len(expected) or set(ids) != expected:
        return Figure(work, f"wrong: {len(ids):,} matches, there are {len(expected):,}", aim, False)
    rate = statistics.median(rates)
    return Figure(work, f"{rate:,.0f} resources/s, {len(ids):,} in {len(walked.pages):,} pages", aim, rate >= 20_000)
