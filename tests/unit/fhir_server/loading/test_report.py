"""What a report counts and says."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from fhir_server.loading.progress import LoadProgress, show
from fhir_server.loading.report import FileReport, reason
from fhir_server.loading.sources import Source
from profiles.issues import Issue


def test_a_reason_tells_errors_before_anything_else_and_only_so_many() -> None:
    issues = [Issue("warning", "value", "odd")] + [Issue("error", "value", f"wrong {n}", "Patient") for n in range(5)]
    assert reason(issues) == "Patient: wrong 0; Patient: wrong 1; Patient: wrong 2; and 2 more"


def test_a_reason_does_not_name_a_place_twice_nor_the_only_entry() -> None:
    issue = Issue("error", "value", "Patient.gender is odd.", "Bundle.entry[0].resource.Patient.gender")
    assert reason([issue], alone=True) == "Patient.gender is odd."
    assert reason([Issue("error", "required", "is missing", "Bundle.entry[0].request")], alone=True) == (
        "request: is missing"
    )


def test_answers_are_counted_by_what_was_asked() -> None:
    report = FileReport(Path("f"))
    for method, created in (("POST", True), ("POST", False), ("PUT", False), ("DELETE", False)):
        report.count(method, created=created)
    assert (report.created, report.skipped, report.updated) == (1, 1, 2)


def printed(width: int = 200) -> tuple[Console, io.StringIO]:
    paper = io.StringIO()
    return Console(file=paper, width=width), paper


def test_without_a_terminal_each_file_gets_a_plain_line() -> None:
    console, paper = printed()
    source = Source(Path("a.json"), True, 10)
    report = FileReport(source.path, entries=3, created=2, skipped=1)
    with LoadProgress(console, [source]) as progress:
        progress.begin(source)
        progress.moved(3)
        progress.done(source, report)
    assert paper.getvalue().startswith("1/1 a.json: 2 created, 1 already there; ")


def test_on_a_terminal_there_is_a_bar_with_rate() -> None:
    paper = io.StringIO()
    console = Console(file=paper, force_terminal=True, width=160)
    source = Source(Path("a.json"), True, 10)
    with LoadProgress(console, [source]) as progress:
        progress.begin(source)
        progress.moved(3, 5)
        progress.done(source, FileReport(source.path, entries=3, created=3))
    assert "100%" in paper.getvalue()
    assert "3 resources" in paper.getvalue()


def test_the_table_adds_up_and_failures_follow_with_file_entry_and_reason() -> None:
    console, paper = printed()
    good = FileReport(Path("good.json"), entries=1200, created=1200)
    bad = FileReport(Path("bad.ndjson"), entries=2, created=1)
    bad.fail(1, "Patient.gender is odd [really].")
    aside = FileReport(Path("index.json"), note="It is JSON, but no FHIR resource.")
    show(console, [good, bad, aside], 1.0)
    text = paper.getvalue()
    (title,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["File"]]
    assert title == ["File", "Entries", "Created", "Failed"]
    (total,) = [line.split() for line in text.splitlines() if line.split()[:2] == ["2", "files"]]
    assert total == ["2", "files", "1,202", "1,201", "1"]
    assert "bad.ndjson, entry 2: Patient.gender is odd [really]." in text
    assert "index.json was left aside: It is JSON, but no FHIR resource." in text


def test_each_file_has_one_line_whatever_its_name_and_the_width() -> None:
    console, paper = printed(80)
    names = [f"b-{number:02}d82e9b-4114-f230-4318-60474031ec{number:02}.json.gz" for number in range(27)]
    show(console, [FileReport(Path(name), entries=9, created=4, updated=3, skipped=2) for name in names], 1.0)
    lines = [line for line in paper.getvalue().splitlines() if line.strip().startswith("b-")]
    assert len(lines) == 27
    assert all(len(line) <= 80 for line in lines)
    for line, name in zip(lines, names, strict=True):
        shown, *figures = line.split()
        beginning, end = shown.split("…")
        assert name.startswith(beginning)
        assert name.endswith(end)
        assert figures == ["9", "4", "3", "2", "-"]


def test_no_heading_is_cut_on_a_terminal_of_80_columns() -> None:
    console, paper = printed(width=80)
    report = FileReport(Path("a-name-as-long-as-names-of-synthea-files-are.json.gz"), entries=9, created=8, skipped=1)
    show(console, [report, report], 1.0)
    heading = paper.getvalue().splitlines()[2].split()
    assert heading == ["File", "Entries", "Created", "Already", "there", "Failed"]


def test_of_many_files_only_those_with_a_failure_are_listed() -> None:
    console, paper = printed()
    reports = [FileReport(Path(f"{n}.json"), entries=1, created=1) for n in range(100)]
    reports[42].fail(None, "refused", 1)
    show(console, reports, 1.0)
    assert "42.json" in paper.getvalue()
    assert "41.json" not in paper.getvalue()


def test_a_load_of_nothing_but_other_files_has_a_table_of_zero() -> None:
    console, paper = printed()
    show(console, [], 1.0)
    assert "0 files" in paper.getvalue()
