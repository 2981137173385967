"""Messages of libraries that quote input, as data for ``_quoted_input.py``."""

from __future__ import annotations

from typing import Final

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

Elsewhere, a user may have written such a sentence about a key.
"""

JSONSCHEMA_WORDS: Final = (
    "\n\nFailed validating '",
    " is a required property",
    " is not of type '",
    " is not valid under any of the given schemas",
    " is less than the minimum of ",
    " is greater than the maximum of ",
    "Additional properties are not allowed (",
)
"""Texts that only jsonschema writes."""
