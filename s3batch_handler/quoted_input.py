"""Mask input that libraries quote in their messages.

The rule: what an SDK, a database or a library for validation quotes of a record, a statement or a
request is masked. What Python's standard library quotes stays, because such a message names no
field: without ``'x'``, ``invalid literal for int()`` does not say what failed. Names of fields,
parameters, buckets and keys stay, too.

The tables are at the end of this file. The run time is linear in the length of the text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

MASK: Final = "***"
"""What replaces a value that was removed."""


def mask_quoted_input(text: str, longest: int | None = None) -> str:
    """Replace input that libraries quote by ``***``, and cut a text that is longer.

    What follows a value and tells that it is input may be beyond the cut.
    """
    if longest is not None and len(text) > longest:
        text = mask_before_sentences(text)[:longest]
    for hint, before, after in QUOTED_INPUT:
        if hint in text:
            text = _quoted(before, after).sub(rf"\1{MASK}", text)
    text = mask_before_sentences(text)
    if "loc" in text and "msg" in text and _problem().search(text):
        text = _mask_problems(text)
    return text


def mask_before_sentences(text: str, *, of_jsonschema: bool = False) -> str:
    """Replace input that stands before the words of a library.

    Some words are masked only in a text of jsonschema, which is recognized by its other lines, or
    known to the caller.
    """
    for after, condition in QUOTED_BEFORE.items():
        if after in text and (of_jsonschema or condition in text):
            text = _mask_before(text, after)
    return text


def closing_quote(text: str, begin: int, quote: str) -> int:
    r"""Return the end of a quoted value, or the end of the text if the quote is not closed.

    In ``'it\'s'`` the quote in the middle is escaped; in ``\"it\'s\"``, which is JSON within JSON,
    those around the value are.
    """
    end = begin
    while (end := text.find(quote, end)) >= 0:
        before = text[max(begin, end - 16) : end]
        backslashes = len(before) - len(before.rstrip("\\"))
        if backslashes == 0 or (backslashes % 2 == 0 and quote in ("'", '"')):
            return end
        end += 1
    return len(text)


def end_of_value(text: str, begin: int, *, stop_at_comma: bool) -> int:
    """Return where a value in Python's or JSON's notation ends: at a bracket that closes another.

    Brackets and commas within quotes and within brackets are part of the value.
    """
    depth, position = 0, begin
    while (part := _part().search(text, position)) is not None:
        position = part.end()
        if part["quote"]:
            position = closing_quote(text, position, part["quote"]) + len(part["quote"])
        elif part[0] in "([{<":
            depth += 1
        elif part[0] == ",":
            if stop_at_comma and depth == 0:
                return part.start()
        elif depth > 0:
            depth -= 1
        elif part[0] != ">":
            return part.start()
    return len(text)


def _mask_before(text: str, after: str) -> str:
    """Mask the values that stand before a text, such as ``'x'`` in ``'x' is not of type``."""
    kept: list[str] = []
    done = 0
    while (end := text.find(after, done)) >= 0:
        begin = _begin_of_value(text, done, end)
        kept += [text[done:begin], MASK if begin < end else "", after]
        done = end + len(after)
    return "".join([*kept, text[done:]])


def _begin_of_value(text: str, floor: int, end: int) -> int:
    """Return where a value begins that ends at a place, in the same line."""
    line = max(floor, text.rfind("\n", floor, end) + 1)
    last = text[end - 1 : end] if end > line else ""
    if text.endswith(MASK, line, end):
        return end - len(MASK)
    if last and last in "'\"`":
        return _opening_quote(text, line, end - 1)
    if last and last in ")]}>":
        opening = text.find("([{<"[")]}>".index(last)], line, end)
        return opening if opening >= 0 else line
    return max(line, text.rfind(" ", line, end) + 1, text.rfind("(", line, end) + 1)


def _opening_quote(text: str, floor: int, closing: int) -> int:
    level = _backslashes(text, floor, closing)  # quotes within the value have more of them
    opening = closing
    while (opening := text.rfind(text[closing], floor, opening)) >= 0:
        backslashes = _backslashes(text, floor, opening)
        if backslashes <= level:
            return opening - backslashes
    return floor


def _backslashes(text: str, floor: int, end: int) -> int:
    before = text[max(floor, end - 16) : end]
    return len(before) - len(before.rstrip("\\"))


def _mask_problems(text: str) -> str:
    """Mask the input in what ``errors()`` and ``json()`` of a pydantic ValidationError return."""
    kept: list[str] = []
    done = 0
    while (field := _field_of_problem().search(text, done)) is not None:
        if field["key"]:
            begin, end = _begin_of_value(text, done, field.start()), field.start()
        else:
            begin = field.end()
            end = end_of_value(text, begin, stop_at_comma=True)
        if begin < end:
            kept += [text[done:begin], MASK]
        else:
            kept.append(text[done:begin])
        kept.append(text[end : max(end, field.end())])
        done = max(end, field.end())
    return "".join([*kept, text[done:]])


# ---------------------------------------------------------------- patterns

_ENCODED = r"%(?:25){0,3}"  # percent signs may be encoded again
QUOTE: Final = rf"""\\{{0,8}}['"]|&quot;|&\#0?3[49];|{_ENCODED}2[27]"""


@cache
def _quoted(before: str, after: str) -> re.Pattern[str]:
    return re.compile(rf"({before}).*?(?={after}|\Z)", re.DOTALL)


@cache
def _part() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)[bru]{{0,2}}(?P<quote>{QUOTE})|[\[\](){{}}<>,]", re.IGNORECASE)


@cache
def _problem() -> re.Pattern[str]:
    return re.compile(r"""['"]loc\\{0,8}['"][ ]?:""")


@cache
def _field_of_problem() -> re.Pattern[str]:
    return re.compile(
        r"""(?P<quote>\\{0,8}['"])(?:input|tag|given)(?P=quote)[ ]?:[ ]?"""
        r"""|(?P<key>,\s{0,40}\\{0,8}['"]\[key\])"""
    )


# ---------------------------------------------------------------- the tables

_LINE = r"\n"
_END = r"\Z"

QUOTED_INPUT: Final = (
    # pydantic, both versions; a traceback or another exception may have its text
    ("input_value=", r"input_value=", r", input_type="),
    ("; given=", r"; given=", r"; permitted=|\)"),
    ("Input tag ", r"Input tag ", r" found using "),
    (".[key]\n", r"(?<![^\n])(?:\w+\.(?=[^\n]*\.\[key\]\n))?(?=[^\n]*\.\[key\]\n)", r"\.\[key\]\n"),
    # botocore, boto3 and s3transfer
    (
        "Invalid type for ",
        r"Invalid type for (?:document )?parameter .{0,1000}?, value: ",
        r", type: <class",
    ),
    (
        "Invalid value for parameter ",
        r"Invalid value for parameter .{0,1000}?, value: ",
        r", valid min value: ",
    ),
    (
        "S3 metadata for key",
        r'S3 metadata for key ".{0,1000}?", value: "',
        r'"\.\s{0,9}S3 metadata',
    ),
    ("Invalid value ('", r"Invalid value \('", r"'\) for param "),
    ("Unknown key '", r"Unknown key '", r"' for param "),
    ("Value out of range for param ", r"Value out of range for param [\w.]{1,100}: ", _LINE),
    ("Unsupported configuration value", r"Unsupported configuration .{1,300}? but got ", _LINE),
    ("> instead: ", r"Received <class [^>]{1,200}> instead: ", _LINE),
    ("Invalid value provided to ", r'Invalid value provided to "\w{1,40}": "', r'" must '),
    ("Bad starting token: ", r"Bad starting token: ", _LINE),
    ("same next token was received", r"same next token was received twice: ", _LINE),
    ("Unable to parse datetime value: ", r"Unable to parse datetime value: ", _LINE),
    ("Invalid timestamp ", r'Invalid timestamp "', r'": '),
    ("correct timezone offset for ", r'correct timezone offset for "', r'"(?:\n|\Z)'),
    ("must be JSON serializable: ", r"cannot be cached, must be JSON serializable: ", _LINE),
    ("Unsupported type ", r'Unsupported type "<class .{1,300}?>" for value "', r'"(?:\n|\Z)'),
    ("operation cannot be applied to ", r"cannot be applied to value ", r" of type <class"),
    ("Expecting a ConditionBase", r"Expecting a ConditionBase object\. Got ", r" of type <class"),
    ("Provided parameter ", r"Provided parameter \w{1,60} of value ", r" must be "),
    # responses of AWS
    ("detected: Value ", r"detected: Value '", r"' at '"),
    (" failed to satisfy", r"\bValue '(?=[^\n]{1,1000}failed to satisfy)", r"' at '"),
    (" at '", r"(?:[Pp]arameter: |; )Value '", r"' at '"),
    (" for parameter ", r"\bValue \(", r"\) for parameter "),
    ("converted into a number: ", r"be converted into a number: ", _LINE),
    ("to a numeric value: ", r"be converted to a numeric value: ", _LINE),
    # SQLAlchemy, PostgreSQL
    ("[parameters: ", r"\[parameters: ", r"\]\n\(Background|\]\Z"),
    ("DETAIL: ", r"\nDETAIL: +", r"\n(?:HINT|CONTEXT|QUERY|LINE|\[SQL)"),
    ("Failing row contains ", r"Failing row contains \(", r"\)\.(?:\n|['\"}]|\Z)"),
    (")=(", r"\bKey \([^()\n]{1,300}\)=\(", r"\) (?:already exists|is not|is still|conflicts)"),
    ("invalid input syntax for ", r"invalid input syntax for [\w ]{1,80}: ", _LINE),
    ("invalid input value for enum ", r"invalid input value for enum [\w.\"]{1,200}: ", _LINE),
    ("field value out of range: ", r"field value out of range: ", _LINE),
    (
        " is out of range for ",
        r"\bvalue \"(?=[^\"\n]{1,300}\" is out of)",
        r"\" is out of range for",
    ),
    (" literal: ", r"malformed \w{1,40} literal: ", _LINE),
    ("invalid value ", r'\binvalid value "(?=[^"\n]{0,1000}" for ")', r'" for "'),
    (" at or near ", r" at or near ", _LINE),
    ("LINE ", r"(?<![^\n])LINE \d{1,9}: ", _LINE),
    (
        "CONTEXT: ",
        r"\nCONTEXT:  (?:COPY [^\n:]{1,300}|JSON data, line \d{1,9}[^\n:]{0,20}): ",
        _LINE,
    ),
    (
        "invalid input for query argument",
        r"invalid input for query argument \$\d{1,6}(?: in element #\d{1,9} of [^:\n]{1,99})?: ",
        r" \((?:'\w+' object|[a-z]+ )[^()\n]{0,200}\)(?:\n|['\"]|\Z)|\n",
    ),  # asyncpg
    ("time zone ", r'time zone "(?=[^"\n]{0,200}" not recognized)', r'"'),
    ("invalid hexadecimal digit: ", r"invalid hexadecimal digit: ", _LINE),
    # SQLite, Oracle
    (": syntax error", r'\bnear "', r'": syntax error'),
    ("row with column values ", r"row with column values \(", r"\) already exists"),
    # MySQL and SQL Server
    ("IDENTIFIED WITH ", r"IDENTIFIED WITH [\w'\"]{1,60} (?:BY|AS) ['\"]", r"['\"]"),
    ("PASSWORD FOR ", r"PASSWORD FOR [^=\n]{1,200}= ?(?:PASSWORD\()?['\"]", r"['\"]"),
    ("Duplicate entry ", r"Duplicate entry ", r" for key "),
    (
        "ncorrect ",
        r"\b(?:Incorrect|incorrect) [A-Za-z]+(?:\(\d{1,3}(?:,\d{1,3})?\))? value: ",
        r" for (?:column|function) |\n",
    ),
    ("right syntax to use near ", r"right syntax to use near ", r" at line \d"),
    ("Invalid utf8", r"Invalid utf8\w* character string: ", _LINE),
    ("Incorrect syntax near ", r"Incorrect syntax near ", r"\.(?:[\n'\"]|\Z)|\n"),
    ("duplicate key value is (", r"duplicate key value is \(", r"\)\.(?:[ \n'\"]|\Z)"),
    (
        " value '",
        r"\b(?:converting|conversion of) the \w{1,20} value '",
        r"' (?:to data|overflowed)",
    ),
    ("runcated value: ", r"\b[Tt]runcated value: ", _LINE),
    # MongoDB, Redis, Elasticsearch, and warehouses
    ("dup key: ", r"\bdup key: ", r", full error: "),
    ("full error: ", r"\bfull error: ", _END),
    ("cannot encode object: ", r"cannot encode object: ", r", of type: <"),
    ("with args beginning with: ", r"with args beginning with: ", _LINE),
    ("Preview of field's value: ", r"Preview of field's value: '", r"'\\{0,4}[\"')]|'?(?:\n|\Z)"),
    ("failed to parse date field [", r"failed to parse date field \[", r"\] with format "),
    ("Failed to parse number ", r"Failed to parse number ", r" in \$convert"),
    ("Invalid format: ", r'Invalid format: (?=\\{0,4}")', _LINE),
    ("Failed to cast variant value ", r"Failed to cast variant value ", r" to [A-Z]"),
    ("Could not parse ", r"Could not parse '(?=[^\n]{1,1000}' as [A-Z])", r"' as [A-Z]"),
    ("For input string: ", r'For input string: \\{0,4}"', r'"'),
    ("' is not recognized", r"(?:Numeric value|Boolean value|Date|Time|Timestamp) '", r"' is not"),
    ("Bad ", r"\bBad \w{1,20} value: ", _LINE),
    ("Could not cast literal ", r"Could not cast literal ", r" to type "),
    ("Cannot cast '", r"Cannot cast '", r"' to [A-Za-z]"),
    ("Value cannot be cast to ", r"Value cannot be cast to \w{1,40}: ", _LINE),
    ("Cannot parse string ", r"Cannot parse string '", r"' as "),
    # Powertools, dacite, attrs, jsonschema, msgspec, and others that validate or convert
    ("Failed schema validation.", r"Failed schema validation\. Error: [^\n]{0,400}?, Data: ", _END),
    ("instead of value ", r"instead of value ", r" of type "),
    (
        "(got ",
        r"'[^'\n]{1,200}' must be (?:\(?<class|in |callable|a sub)[^\n]{0,1000}?\(got ",
        _END,
    ),
    (" must match regex ", r"'[^'\n]{1,200}' must match regex [^\n]{1,1000}? \((?=['\"])", _END),
    (" must be ", r"(?<!of )'[^'\n]{1,200}' must be (?:<=?|>=?) [^\n]{1,300}?: ", _END),
    (" satisfied for value ", r"\bNone of [^\n]{1,1000}? satisfied for value ", _END),
    ("Attribute(name='", r", Attribute\(name='[^'\n]{1,200}'", _END),
    ("On instance", r"\nOn instance[^\n]{0,200}:\n", _END),
    ("False schema does not allow ", r"False schema does not allow ", _LINE),
    (" extra: ", r"Expected at most \d{1,9} \w{1,20} but found [^\n]{1,60}? extra: ", _LINE),
    (" unexpected)", r"(?:Unevaluated|Additional) items are not allowed \(", r" w\w+ unexpected\)"),
    ("Invalid enum value ", r"Invalid enum value ", r" - at `|\n"),
    (" - at `", r"Invalid value (?=['\d-])", r" - at `|\n"),
    (
        "Invalid value ",
        r"Invalid value (?=(?:'[^'\n]{0,1000}'|-?\d{1,40})(?:['\")\n]|\Z))'?",
        r"['\")]{0,3}(?:\n|\Z)",
    ),
    ("': Invalid JSON: ", r"': Invalid JSON: ", _END),  # AWS CLI
    ("violates type hint", r"\b[Pp]arameter \w{1,100}=", r" violates type hint"),
    (", as ", r"violates type hint [^\n]{1,1000}?, as ", r" not instance of |\n"),
    ("unallowed value", r"unallowed values? ", r"['\"]\]|\n"),  # Cerberus
    (
        "” ",
        r"“(?=[^”\n]{0,1000}” (?:value|is not a valid) )",
        r"” ",
    ),  # Django
    (
        "Select a valid choice. ",
        r"Select a valid choice\. (?!That )",
        r" is not one of the available",
    ),
    ("Unable to parse string ", r'Unable to parse string "', r'" at position'),  # pandas
    ("Could not convert ", r"Could not convert ", r" with type "),  # pyarrow
    ("conversion error to ", r"CSV conversion error to \w{1,40}: ", _LINE),
    ("time data ", r'time data "', r"\" doesn't match format"),
    ("Given date string ", r"Given date string ", r" not likely a datetime"),
    ("conversion from `", r"conversion from `[^\n]{1,300}? values: \[", _LINE),  # Polars
    ("Failed to parse string: ", r"Failed to parse string: '", r"' as a "),
    (
        "Unknown ",
        r"\bUnknown (?:datetime )?string format(?:, unable to parse)?: ",
        _LINE,
    ),  # dateutil
    ("> of type <class", r"\bField\([^()\n]{1,200}\) is <", r"> of type <class"),  # fastavro
    # clients of HTTP
    ("Header part (", r"Header part \(", r"\) from \("),
    ("key provided: ", r"\b(?:API|api) key provided: ", r"\. |\.?(?:\n|\Z)"),
)
"""Input that libraries quote: a text to search for, and the patterns before and after the input."""

_JSONSCHEMA = "\n\nFailed validating '"

QUOTED_BEFORE: Final = {
    " is not of type '": "",
    " is not of type \\'": "",  # in a repr
    " is not one of [": "",
    " is not valid under any of the given schemas": "",
    " is valid under each of ": "",
    " should not be valid under ": "",
    " does not contain items matching the given schema": "",
    " has non-unique elements": "",
    " is not a multiple of ": "",
    " is less than the minimum of ": "",
    " is less than or equal to the minimum of ": "",
    " is greater than the maximum of ": "",
    " is greater than or equal to the maximum of ": "",
    " not in literal ": "",  # cattrs
    " should be instance of '": "",  # schema
    " does not have enough properties": "",
    " has too many properties": "",
    " is not a valid choice": "",  # Django REST framework
    # These may also be sentences of somebody who describes a key.
    " does not match ": _JSONSCHEMA,
    " is not a '": _JSONSCHEMA,
    " is too long": _JSONSCHEMA,
    " is too short": _JSONSCHEMA,
    " should be non-empty": _JSONSCHEMA,
    " is expected to be empty": _JSONSCHEMA,
}
"""Texts that follow quoted input, and what else must be in the message."""
