"""`fhir-server validate`: files by the base definitions and by profiles, without a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.command_line import FAILED, USAGE, Line

if TYPE_CHECKING:
    from profiles.packages.catalogue import Catalogue

FORMATS = ("text", "json")


def validate_command(line: Line) -> Callable[..., None]:
    """Return the command, for the command line that it is part of."""

    def validate(
        files: Annotated[
            list[Path],
            typer.Argument(metavar="PATH", help="Files, or folders with everything below.", show_default=False),
        ],
        profile: Annotated[
            list[str] | None, typer.Option(metavar="URL", help="A profile all must conform to; may be given again.")
        ] = None,
        package: Annotated[
            list[Path] | None, typer.Option(metavar="PATH", help="A FHIR package (.tgz or folder); may be given again.")
        ] = None,
        format: Annotated[str, typer.Option(metavar="text|json", help="How the findings are written.")] = "text",
    ) -> None:
        """Validate resources (.json, .ndjson, .jsonl, .xml, plain or .gz): R4 itself, profiles asked for and claimed.

        Nothing is stored, and no server is needed. Exit codes: 0 no errors, 1 some, 2 the command line is wrong.

        [dim]Examples[/dim]

        [cyan]fhir-server validate patients/[/cyan]

        [cyan]fhir-server validate p.json --package fr.core.tgz --profile https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient[/cyan]
        """
        if format not in FORMATS:
            line.stop(f"--format is text or json, not {format}.", USAGE)
        failed = _run(line, _paths(line, files), profile or [], package or [], format)
        if failed:
            raise typer.Exit(FAILED)

    return validate


def _run(line: Line, paths: Sequence[Path], profiles: Sequence[str], packages: Sequence[Path], format: str) -> bool:
    """Print what is found in the files; return whether there are errors."""
    from fhir_server.interactions.judging import ProfileJudge
    from fhir_server.model.fhir_json import encode_pretty
    from fhir_server.validating.show import as_bundle, show, summary
    from fhir_server.validating.validate import validate
    from profiles.validation.validator import Validator

    validator = Validator(strict=True)
    judge = ProfileJudge(_catalogue(line, packages), validator)
    for each in profiles:
        if not judge.knows(each):
            line.stop(f"The profile {each} is in no package that was given: name its package with --package.", USAGE)
    found = []
    for findings in validate(paths, profiles, validator=validator, judge=judge):
        found.append(findings)
        if format == "text":
            show(line.out, findings)
    if format == "json":
        line.out.print(encode_pretty(as_bundle(found)).decode(), markup=False, soft_wrap=True)
    else:
        line.out.print(summary(found), markup=False, soft_wrap=True)
    return any(each.count("fatal", "error") for each in found)


def _paths(line: Line, files: Sequence[Path]) -> list[Path]:
    from fhir_server.loading.sources import find
    from fhir_server.validating.documents import ALL_ENDINGS

    try:
        found = [each.path for each in find(files, ALL_ENDINGS)]
    except (FileNotFoundError, ValueError) as error:
        line.stop(str(error), USAGE)
    if not found:
        line.stop(f"There is nothing to validate: no file ends in {', '.join(ALL_ENDINGS)}, plain or with .gz.", USAGE)
    return found


def _catalogue(line: Line, packages: Sequence[Path]) -> Catalogue:
    """Return the definitions of the packages, and those that this software brings."""
    from fhir_server.model.fhir_json import parse
    from fhir_server.packages.archive import open_package
    from profiles.packages.catalogue import TYPES, Catalogue
    from profiles.packages.package import PackageError
    from profiles.packages.telemed import telemed

    catalogue = Catalogue()
    given = [telemed()]
    for path in packages:
        if not path.exists():
            line.stop(f"There is no package at {path}.", USAGE)
        try:
            given.append(open_package(path))
        except PackageError as error:
            line.stop(f"{path}: {error}", USAGE)
    for package in given:
        for each in package.definitions:
            if each.type in TYPES:
                catalogue.keep(f"{package.manifest.label}/{each.entry}", parse(each.text), each.text)
    return catalogue
