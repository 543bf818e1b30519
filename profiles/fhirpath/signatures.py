"""What the functions of FHIRPath take and give, for checking expressions before they are evaluated."""

from __future__ import annotations

from profiles.fhirpath.kinds import MEASURES, MOMENTS, NUMBERS, TEXT

_OF_TEXT = """indexOf lastIndexOf substring startsWith endsWith contains upper lower replace matches matchesFull
    replaceMatches length toChars trim split join encode decode escape unescape htmlChecks"""
_OF_NUMBERS = "ceiling floor truncate exp ln log power round sqrt"
_TO_BOOLEAN = """empty exists not all allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct is startsWith
    endsWith contains matches matchesFull hasValue memberOf subsumes subsumedBy htmlChecks conformsTo comparable
    toBoolean convertsToBoolean convertsToInteger convertsToDecimal convertsToString convertsToDate convertsToDateTime
    convertsToTime convertsToQuantity"""
_TO_INTEGER = """count length indexOf lastIndexOf ceiling floor truncate toInteger precision yearOf monthOf dayOf
    hourOf minuteOf secondOf millisecondOf"""
_TO_TEXT = """substring upper lower replace replaceMatches toChars trim split join encode decode escape unescape
    toString"""
_TO_THE_SAME = """where first last tail skip take single trace distinct intersect exclude checkModifiers defineVariable
    sort abs sum avg min max getValue lowBoundary highBoundary"""
_CLOCKS = frozenset({"DateTime", "Time"})

TAKES: dict[str, frozenset[str]] = {
    **dict.fromkeys(_OF_TEXT.split(), TEXT),
    **dict.fromkeys(_OF_NUMBERS.split(), NUMBERS),
    **dict.fromkeys(("abs", "sum", "avg"), MEASURES),
    **dict.fromkeys(("allTrue", "anyTrue", "allFalse", "anyFalse"), frozenset({"Boolean"})),
    **dict.fromkeys(("lowBoundary", "highBoundary"), MEASURES | MOMENTS | {"Time"}),
    "precision": NUMBERS | MOMENTS | {"Time"},
    **dict.fromkeys(("yearOf", "monthOf", "dayOf", "dateOf"), MOMENTS),
    **dict.fromkeys(("hourOf", "minuteOf", "secondOf", "millisecondOf"), _CLOCKS),
    **dict.fromkeys(("timezoneOffsetOf", "timeOf"), frozenset({"DateTime"})),
}
"""Function -> the types of FHIRPath that an item before the dot must be or convert to."""

GIVES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_TO_BOOLEAN.split(), ("Boolean",)),
    **dict.fromkeys(_TO_INTEGER.split(), ("Integer",)),
    **dict.fromkeys(_TO_TEXT.split(), ("String",)),
    **dict.fromkeys(("exp", "ln", "log", "round", "sqrt", "toDecimal", "timezoneOffsetOf"), ("Decimal",)),
    "power": ("Integer", "Decimal"),
    **dict.fromkeys(("toDate", "today", "dateOf"), ("Date",)),
    **dict.fromkeys(("toDateTime", "now"), ("DateTime",)),
    **dict.fromkeys(("toTime", "timeOfDay", "timeOf"), ("Time",)),
    "toQuantity": ("Quantity",),
}
"""Function -> the types of what it gives."""

SAME = frozenset(_TO_THE_SAME.split())
"""Functions that give some of what they got, or values of its types."""
CRITERIA = frozenset(("where", "exists", "all", "select", "repeat", "repeatAll", "sort", "trace"))
"""Functions whose arguments are asked of each item, trace() from its second on."""
IN_ORDER = frozenset(("first", "last", "tail", "skip", "take"))
"""Functions that mean nothing on items without an order."""
