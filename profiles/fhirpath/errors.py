"""What can go wrong with a FHIRPath expression, from reading it to running it."""

from __future__ import annotations


class FhirPathError(Exception):
    """An expression that cannot be compiled or evaluated; the message is fit for an OperationOutcome."""


class FhirPathSyntaxError(FhirPathError):
    """The text is not FHIRPath, or names a function, type or arity that does not exist.

    `position` is the offset of the offending character in the text, counted from 0.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


class FhirPathTypeError(FhirPathError):
    """An operation met values it is not defined for, or several items where it takes one."""


class FhirPathBudgetError(FhirPathError):
    """The evaluation took more steps, or a regular expression more time, than its budget."""
