"""Mask input that libraries quote in their messages.

The rule: what an SDK, a database or a library for validation quotes of a record, a statement or a
request is masked. What Python's standard library quotes stays, because such a message names no
field: without ``'x'``, ``invalid literal for int()`` does not say what failed. What it quotes of an
address or an INI file is masked, because it may be a part of a password. Names of fields,
parameters, buckets and keys stay, too.

The tables are at the end of this file. The run time is linear in the length of the text.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
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
    if any(hint in text for hint in _SCHEMA_HINTS):
        text = mask_sentences_of_schema(text)
    if "loc" in text and "msg" in text and _problem().search(text):
        text = _mask_problems(text)
    return text


def mask_before_sentences(text: str, *, of_jsonschema: bool = False) -> str:
    """Replace input that stands before the words of a library.

    Some words are masked only in a text of jsonschema, which is known to the caller, or recognized
    by its other words or by several of its messages in a row.
    """
    for after in QUOTED_BEFORE:
        if after in text:
            text = _mask_before(text, after)
    ambiguous = [after for after in QUOTED_BEFORE_BY_JSONSCHEMA if after in text]
    if ambiguous and (of_jsonschema or _is_of_jsonschema(text)):
        for after in ambiguous:
            text = _mask_before(text, after)
    return text


def mask_sentences_of_schema(text: str, *, is_known: bool = False) -> str:
    """Replace input that the library ``schema`` quotes, whose words may also be somebody's own.

    Its text is known to the caller, or recognized by its other lines.
    """
    if not is_known and _line_of_schema().search(text) is None:
        return text
    for sentence, replacement in _sentences_of_schema():
        text = sentence.sub(replacement, text)
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


def _is_of_jsonschema(text: str) -> bool:
    if any(words in text for words in _WORDS_OF_JSONSCHEMA):
        return True
    if _path_of_jsonschema().search(text) is not None:
        return True
    messages = list(islice(_message_of_jsonschema().finditer(text), 20))
    values = {message["value"] for message in messages}
    if len(messages) < 2:
        return False
    # Otherwise, as in "'title' is too long; 'text' is too short", they may be names.
    return len(values) < len(messages) or any(message["expression"] for message in messages)


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
        r"""(?P<quote>\\{0,8}['"])(?:input|tag|given|discriminator_value)(?P=quote)[ ]?:[ ]?"""
        r"""|(?P<key>,\s{0,40}\\{0,8}['"]\[key\])"""
    )


@cache
def _path_of_jsonschema() -> re.Pattern[str]:
    """Match what ``f"{error.json_path}: {error.message}"`` begins with."""
    return re.compile(r"""(?<![\w$])\$[\w.'\[\]-]{0,200}: (?=['"\[{\d-])""")


@cache
def _message_of_jsonschema() -> re.Pattern[str]:
    """Match one of several messages, as in ``"; ".join(error.message for error in errors)``."""
    value = r"""'[^'\n]{0,1000}'|"[^"\n]{0,1000}"|\[[^\n]{0,1000}?\]|\{[^\n]{0,1000}?\}"""
    return re.compile(
        rf"""(?:(?<![^\n])|[;,|:][ ]|[\[(])(?:\\{{0,4}}['"](?=['"\[{{]))?(?P<value>{value})[ ]"""
        r"""(?:does[ ]not[ ]match[ ]['"](?P<expression>\^|[^'"\n]{0,300}[\\$\]])?"""
        r"""|is[ ]not[ ]a[ ]'\w|(?:is[ ]too[ ](?:long|short)|should[ ]be[ ]non-empty"""
        r"""|is[ ]expected[ ]to[ ]be[ ]empty)(?![\w ]))"""
    )


@cache
def _line_of_schema() -> re.Pattern[str]:
    return re.compile(
        r"\bKey [^\n]{1,200}? error:(?:\n|\\{1,8}n)"
        r"|(?<![\w.])[A-Z]\w{0,60}\([^\n]{1,1000}?\) did not validate "
    )


@cache
def _sentences_of_schema() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns and replacements for one line each: the values are in Python's notation."""
    return (
        (re.compile(r"(\) did not validate )[^\n]+"), rf"\1{MASK}"),
        (re.compile(r"(?<![^\n])[^\n]+( does not match )[^\n]+"), rf"{MASK}\1{MASK}"),
        (re.compile(r"(?<![^\n])([^(\n]{1,200}\()[^\n]+(\) should evaluate to)"), rf"\1{MASK}\2"),
        (re.compile(r"(?<![^\n])([^(\n]{1,200}\()[^\n]+?\) raised [^\n]+"), rf"\1{MASK})"),
        (re.compile(r"((?:Wrong|Forbidden) key[^\n]{1,200}? in )\{[^\n]+"), rf"\1{MASK}"),
    )


# ---------------------------------------------------------------- the tables

_LINE = r"\n"
_END = r"\Z"
_BEGIN_OF_MESSAGE = r"(?<![^\n])(?:[^\n]{0,300}(?:: |\(\\{0,8}['\"]))?"
_HOST = (
    r"(?:\bhost(?: name)?[ =]\\{0,8}['\"]|\bserver (?:on|at) \\{0,8}['\"]"
    r"|Failed to resolve \\{0,8}'|Cannot connect to host )"
)
_VIOLATES = r'(?=[^\n]{1,1000}" (?:violates|does not exist|is still))'
_OF_KEY = rf'(?:violation: duplicate key "|\b(?:Duplicate|because) key "{_VIOLATES})'
_OPEN = r"(?P<quote>\\{0,8}['\"])"
_CLOSE = r"(?<!\\)(?P=quote)(?!\w)"

QUOTED_INPUT: Final = (
    # pydantic, both versions; a traceback or another exception may have its text
    ("input_value=", r"input_value=", r", input_type="),
    ("; given=", r"; given=", r"; permitted=|\)"),
    ("Input tag ", r"Input tag ", r" found using "),
    (".[key]\n", r"(?<![^\n])(?:\w+\.(?=[^\n]*\.\[key\]\n))?(?=[^\n]*\.\[key\]\n)", r"\.\[key\]\n"),
    (
        "No match for discriminator ",
        r"No match for discriminator [^\n]{1,200}? and value ",
        r" \(allowed values: ",
    ),
    ("discriminator_value=", r"discriminator_value=", r"; allowed_values=|\)"),
    ("valid callable: ", r"contains valid import path or valid callable: ", _LINE),
    ("Invalid python path: ", r"Invalid python path: ", _LINE),
    ("extra characters found ", r"extra characters found after valid URL: ", _LINE),
    ("byte unit: ", r"could not interpret byte unit: ", _LINE),
    # addresses that were split at a "/", "#", "?" or "@" in the password
    ("@", rf"{_HOST}(?=[^\s'\"]{{1,300}}@)", r"@(?![^\s'\"@]{0,300}@)"),
    ("Port could not be cast ", rf"Port could not be cast to integer value as {_OPEN}", _CLOSE),
    ("Port must be an integer ", rf"Port must be an integer between 0 and \d+: {_OPEN}", _CLOSE),
    ("onnumeric port: ", rf"\bnonnumeric port: {_OPEN}", _CLOSE),
    ("nvalid port", rf"\b[Ii]nvalid port(?: number)?: {_OPEN}", _CLOSE),
    (
        " is not a valid host or port",
        r"(?<=['\"])[^\s:'\"]{0,300}:(?=[^\n]{0,1000} is not a valid host or port)",
        r"\\{0,8}['\"] is not a valid host or port",
    ),
    (
        " for connection option ",
        r'invalid integer value "(?=[^\n]{0,1000}" for connection option )',
        r'" for connection option ',
    ),
    ('missing "=" after ', r'missing "=" after "', r'" in connection info|\n'),
    (" in URI query", r'key/value separator "=" in URI query parameter: ', _LINE),
    ("unexpected spaces found in ", r'unexpected spaces found in "', r'", use percent-encoded|\n'),
    # INI files
    ("[line ", rf"(?:\t|\\{{1,8}}t)\[line +\d{{1,9}}\]: {_OPEN}", _CLOSE),
    (", line: ", rf"\bfile: [^\n]{{1,300}}?, line: \d{{1,9}}(?:\n|\\{{1,8}}n){_OPEN}", _CLOSE),
    (" an interpolation key ", rf" contains an interpolation key {_OPEN}", _CLOSE),
    (
        "Raw value: ",
        rf" contains an interpolation key [^\n]{{1,400}}? Raw value: {_OPEN}",
        _CLOSE,
    ),
    (" found: ", rf"'[%$]' must be followed by '[^\n]{{1,20}}?', found: {_OPEN}", _CLOSE),
    (" found: ", rf"More than one ':' found: {_OPEN}", _CLOSE),
    ("interpolation ", rf"bad interpolation variable reference {_OPEN}", _CLOSE),
    ("interpolation ", rf"invalid interpolation syntax in {_OPEN}", _CLOSE),
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
    # pandas
    ("Unable to parse string ", r"Unable to parse string ['\"]", r"['\"] at position"),
    ("' for dtype '", r"Invalid value '(?=.{0,1000}?' for dtype ')", r"' for dtype '"),
    ("a new category (", r"\bwith a new category \((?=.{0,1000}?\), set the cat)", r"\), set"),
    (
        " cannot be cast to bool",
        rf"{_BEGIN_OF_MESSAGE}(?! cannot)(?=[^\n]{{1,1000}} cannot be cast to bool)",
        r" cannot be cast to bool",
    ),
    (
        "Could not convert ",
        r"Could not convert (?=[^\n]{1,1000} to (?:numeric|python |NumPy |a sequence|decimal))",
        r" to (?:numeric|python |NumPy |a sequence|decimal)",
    ),  # also MySQL's connector
    ("\nDuplicates in ", r"\nDuplicates in (?:left|right):\n", r"\nDuplicates in right:"),
    # pyarrow
    (
        "Could not convert ",
        r"Could not convert (?=.{1,1000}? with (?:underlying )?type \W?\w|['\"].{1000})",
        r" with (?:underlying )?type ",
    ),
    ("conversion error to ", r"CSV conversion error to \w{1,40}: ", _LINE),
    ("columns, got ", r"CSV parse error: [^\n]{0,40}Expected \d+ columns, got \d+: ", _END),
    (" not in range: ", r"\bInteger value (?=[\d-]{1,40} not in range: )", r" not in"),
    (" was truncated ", r"\b\w{4,10} value (?=[\d.eE+-]{1,40} was truncated )", r" was trunc"),
    (" would ", r"Casting from [^\n]{1,200}? would (?:lose data|result in [\w ]{1,40}): ", _LINE),
    # DuckDB
    ("Could not convert ", rf"Could not convert (?:string|bignum) {_OPEN}", _CLOSE),
    ("Could not cast string to ", rf"Could not cast string to \w{{1,40}}: {_OPEN}", _CLOSE),
    (
        " parse string ",
        r'(?:Could not|Failed to) parse string "(?=.{0,1000}?" (?:according to|with) format )',
        r'" (?:according to|with) format ',
    ),
    (" format specifier ", r'according to format specifier "[^\n]{0,300}"\n', r"\n *\^"),
    (" field format: ", r'invalid \w{1,20} field format: "', r'", expected format|\n'),
    ("Original Line: ", r"(?:\n|\\n)Original Line: ", r"\n|\\n"),
    (
        " key ",
        rf'{_OF_KEY}\w[^\n":]{{0,99}}: ',
        r'"(?!\w)',
    ),
    ('Input: "', r'\bJSON\b[^\n]{0,300}?\. {1,2}Input: "', r'"(?: when casting|\n|\Z)'),
    ("literal text ", rf"Invalid [A-Z]{{3,9}} literal text {_OPEN}", _CLOSE),
    (" string ", r'(?:UTF8 found in|-> \w+ conversion of) string "', r'"(?:[.:\n]|\Z)'),
    ("decode string ", r'Could not decode string "', r'" (?:as|using) |\n'),
    (" with value ", r" with value '?(?=[^\n]{1,1000} can't be cast to )", r"'? can't be cast"),
    (" for enum ", r'unrecognized value "(?=[^\n]{0,1000}" for enum )', r'" for enum '),
    ("Casting value ", r'Casting value "', r'" to type |\n'),
    ("Unable to cast '", r"Unable to cast '(?=[^\n]{1,1000}' to [A-Z])", r"' to [A-Z]"),
    ("time data ", r'time data "', r"\" doesn't match format"),
    ("Given date string ", r"Given date string ", r" not likely a datetime"),
    # Polars, and other libraries that are written in Rust
    ("conversion from `", r"conversion from `[^\n]{1,300}? values: \[", _LINE),
    ("conversion from `", r'conversion from `[^\n]{1,300}? failed for value "', r'"(?:\n|\Z)'),
    ("null_values", r"\badding `(?=[^\n]{0,1000}` to the `null_values` list)", r"` to the `null_v"),
    ("could not parse `", r"could not parse `(?=.{0,1000}?` as dtype )", r"` as dtype "),
    ("found value of type ", r"; found value of type [^\n:]{1,100}: ", _LINE),
    ("could not append value: ", r"could not append value: ", r" of type: "),
    ("invalid ", r'\binvalid (?:type|value): string \\{0,8}"', r'\\{0,8}", expected '),
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

QUOTED_BEFORE: Final = (
    " is not of type '",
    " is not of type \\'",  # in a repr
    " is not one of [",
    " is not valid under any of the given schemas",
    " is valid under each of ",
    " should not be valid under ",
    " does not contain items matching the given schema",
    " has non-unique elements",
    " is not a multiple of ",
    " is less than the minimum of ",
    " is less than or equal to the minimum of ",
    " is greater than the maximum of ",
    " is greater than or equal to the maximum of ",
    " not in literal ",  # cattrs
    " should be instance of '",  # schema
    " does not have enough properties",
    " has too many properties",
    " is not a valid choice",  # Django REST framework
)
"""Texts that follow quoted input."""

QUOTED_BEFORE_BY_JSONSCHEMA: Final = (
    " does not match ",
    " is not a '",
    " is too long",
    " is too short",
    " should be non-empty",
    " is expected to be empty",
)
"""Texts that follow quoted input in a text of jsonschema.

Elsewhere, these may be sentences of somebody who describes a key.
"""

_WORDS_OF_JSONSCHEMA: Final = (
    "\n\nFailed validating '",
    " is a required property",
    " is not of type '",
    " is not valid under any of the given schemas",
    " is less than the minimum of ",
    " is greater than the maximum of ",
    "Additional properties are not allowed (",
)
_SCHEMA_HINTS: Final = (" error:", ") did not validate ")
