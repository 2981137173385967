"""Messages of known libraries do not quote the input."""

from __future__ import annotations

import configparser
from http.client import HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
import urllib3
import yaml  # type: ignore[import-untyped]
from boto3.dynamodb.types import TypeSerializer
from typing_extensions import override

from s3batch_handler.core._redaction import redact, redacted_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
from tests.support.redaction import SECRET, error_of, raised


def test_parameters_of_botocore() -> None:
    """The names of invalid parameters are kept. A value may be a customer's key."""
    client: Any = boto3.client("s3", region_name="us-east-1")
    error = error_of(lambda: client.put_object(Bucket="b", Key="k", ContentType={"a": SECRET}))

    text = redacted_text(error)

    assert SECRET not in text
    assert "Invalid type for parameter ContentType, value: ***, type: <class 'dict'>" in text


def test_input_in_messages_of_other_libraries_is_removed(subtests: pytest.Subtests) -> None:
    for text in [
        "UNIQUE failed: a.b\n[SQL: INSERT INTO a VALUES (?)]\n[parameters: ('SECRET', 1)]\n(Back…)",
        'duplicate key value violates "a_pkey"\nDETAIL:  Key (mail)=(SECRET) already exists.\n',
        "(1062, \"Duplicate entry 'SECRET' for key 'mail'\")",
        "E11000 duplicate key error a.b dup key: { mail: 'SECRET' }, full error: {'SECRET'}",
        "Failed schema validation. Error: data must be object, Path: ['data'], Data: SECRET",
        'wrong value type for field "a" - should be "int" instead of value "SECRET" of type "str"',
        "(\"'a' must be <class 'int'> (got 'SECRET' that is a <class 'str'>).\", 'SECRET')",
        "Invalid leading whitespace or character(s) in header value: 'SECRET\\n'",
    ]:
        with subtests.test(text=text):
            assert "SECRET" not in redact(text)


def test_quoted_input_is_replaced_in_its_message(subtests: pytest.Subtests) -> None:
    """The field, the type and the problem are kept."""
    for text, redacted in [
        # AWS, and its SDK
        (
            "errors detected: Value '{}' at 'a' failed to satisfy; Value 'it's {}' at 'b' failed",
            "errors detected: Value '***' at 'a' failed to satisfy; Value '***' at 'b' failed",
        ),
        ("Invalid parameter: Value '{}' at 'pin'", "Invalid parameter: Value '***' at 'pin'"),
        ("Value ({}) for parameter userData is", "Value (***) for parameter userData is"),
        (
            "cannot be converted to a numeric value: {}",
            "cannot be converted to a numeric value: ***",
        ),
        (
            "Invalid value for parameter A.b,c, value: {}, valid min value: 1",
            "Invalid value for parameter A.b,c, value: ***, valid min value: 1",
        ),
        ("Value '{}' at 'pin' failed to satisfy", "Value '***' at 'pin' failed to satisfy"),
        ('near "{}": syntax error', 'near "***": syntax error'),
        (
            "row with column values (X:'{}') already exists",
            "row with column values (***) already exists",
        ),
        ("Incorrect syntax near '{}'.", "Incorrect syntax near ***."),
        ("Could not parse '{}' as INT64", "Could not parse '***' as INT64"),
        ("parameter a='{}' violates type hint int", "parameter a=*** violates type hint int"),
        ("'{}' not in literal Literal['a']", "*** not in literal Literal['a']"),
        ('time data "{}" doesn\'t match format', 'time data "***" doesn\'t match format'),
        ("Bad starting token: {}", "Bad starting token: ***"),
        # databases
        (
            "invalid input syntax for type integer: \"{}\"\nLINE 1: SELECT '{}'\n[SQL: SELECT]",
            "invalid input syntax for type integer: ***\nLINE 1: ***\n[SQL: SELECT]",
        ),
        ('invalid input value for enum mood: "{}"', "invalid input value for enum mood: ***"),
        ('value "{}" is out of range for type', 'value "***" is out of range for type'),
        ('syntax error at or near "{}"', "syntax error at or near ***"),
        ("x\nCONTEXT:  COPY t, line 1, column a: {}", "x\nCONTEXT:  COPY t, line 1, column a: ***"),
        ("{'D': 'Key (mail)=({}) already exists.'}", "{'D': 'Key (mail)=(***) already exists.'}"),
        (
            "invalid input for query argument $1: '{}' (an integer is required)",
            "invalid input for query argument $1: *** (an integer is required)",
        ),
        ("Truncated incorrect DOUBLE value: '{}'", "Truncated incorrect DOUBLE value: ***"),
        ("right syntax to use near '{}' at line 1", "right syntax to use near *** at line 1"),
        ("The duplicate key value is ({}).", "The duplicate key value is (***)."),
        ("converting the varchar value '{}' to data", "converting the varchar value '***' to data"),
        ("Preview of field's value: '{}'\")", "Preview of field's value: '***'\")"),
        ('For input string: \\"{}\\"}', 'For input string: \\"***"}'),
        ("Cannot cast '{}' to INT", "Cannot cast '***' to INT"),
        ("Numeric value '{}' is not recognized", "Numeric value '***' is not recognized"),
        # validation
        ("\"'a' must be in ['x'] (got '{}')\"", "\"'a' must be in ['x'] (got ***"),
        ("'a' must be callable (got '{}' that", "'a' must be callable (got ***"),
        ("'a' must match regex 'a+' ('{}' doesn't)", "'a' must match regex 'a+' (***"),
        ("'a' must be < 5: {}", "'a' must be < 5: ***"),
        (
            "None of (<a>, <b>) satisfied for value '{}'",
            "None of (<a>, <b>) satisfied for value ***",
        ),
        ("('no', Attribute(name='a', x=1), '{}')", "('no', Attribute(name='a'***"),
        ("Invalid enum value '{}' - at `$.a`", "Invalid enum value *** - at `$.a`"),
        ("Invalid value '{}' - at `$.a`", "Invalid value *** - at `$.a`"),
        ("x: '{}' is not of type 'integer'", "x: *** is not of type 'integer'"),
        ("{'it\\'s': ['{}']} is not of type 'array'", "*** is not of type 'array'"),
        ("1234 is less than the minimum of 9999", "*** is less than the minimum of 9999"),
        (
            "bad: '{}' is too long\n\nFailed validating 'maxLength' in",
            "bad: *** is too long\n\nFailed validating 'maxLength' in",
        ),
        ("{'a': ['unallowed value {}']}", "{'a': ['unallowed value ***']}"),
        ("“{}” value must be an integer.", "“***” value must be an integer."),
        ('Unable to parse string "{}" at position 0', 'Unable to parse string "***" at position 0'),
        # pandas, pyarrow
        ("Unable to parse string '{}' at position 0", "Unable to parse string '***' at position 0"),
        ("Invalid value '{}' for dtype 'int64'", "Invalid value '***' for dtype 'int64'"),
        (
            "Invalid value 'a\nb {}' for dtype 'str'. Value",
            "Invalid value '***' for dtype 'str'. Value",
        ),
        (
            "with a new category ({}), set the categories",
            "with a new category (***), set the categories",
        ),
        ("a {} cannot be cast to bool", "*** cannot be cast to bool"),
        ("in a.csv: {} cannot be cast to bool", "in a.csv: *** cannot be cast to bool"),
        ("Could not convert ['{}' 'b'] to numeric", "Could not convert *** to numeric"),
        (
            "one-to-one merge\nDuplicates in left:\n  a\n{} ...",
            "one-to-one merge\nDuplicates in left:\n***",
        ),
        (
            "Could not convert '{}' with type str: tried",
            "Could not convert *** with type str: tried",
        ),
        (
            "CSV parse error: Row #2: Expected 2 columns, got 3: {},2",
            "CSV parse error: Row #2: Expected 2 columns, got 3: ***",
        ),
        ("Integer value 4111 not in range: 0 to 9", "Integer value *** not in range: 0 to 9"),
        ("Could not convert '{}' to python datetime", "Could not convert *** to python datetime"),
        # Polars
        ("could not parse `{}` as dtype `i64` at", "could not parse `***` as dtype `i64` at"),
        ("- adding `{}` to the `null_values` list", "- adding `***` to the `null_values` list"),
        (
            'type Int64; found value of type String: "{}"\n\nThis',
            "type Int64; found value of type String: ***\n\nThis",
        ),
        (
            'conversion from `str` to `enum` failed for value "{}"',
            'conversion from `str` to `enum` failed for value "***"',
        ),
        (
            'invalid type: string \\"{}\\", expected u32',
            'invalid type: string \\"***\\", expected u32',
        ),
        # DuckDB
        ("Could not convert string '{}' to INT32", "Could not convert string '***' to INT32"),
        ("Could not convert string \"{}\" to 'INT'", "Could not convert string \"***\" to 'INT'"),
        ("3\nOriginal Line: {},2\nError when", "3\nOriginal Line: ***\nError when"),
        ('Duplicate key "a: {}, b: 1" violates', 'Duplicate key "a: ***" violates'),
        ('because key "a: {}" does not exist', 'because key "a: ***" does not exist'),
        (
            'invalid date field format: "{}", expected format',
            'invalid date field format: "***", expected format',
        ),
        (
            'Could not parse string "{}" according to format specifier "%Y"\n{}\n   ^\nError: a',
            'Could not parse string "***" according to format specifier "%Y"\n***\n   ^\nError: a',
        ),
        (
            'Malformed JSON at byte 1 of input: a.  Input: "{}" when casting from a',
            'Malformed JSON at byte 1 of input: a.  Input: "***" when casting from a',
        ),
        # schema
        ("Key 'a' error:\n'{}' does not match '^x$'", "Key 'a' error:\n*** does not match ***"),
        ("Key 'a' error:\n'x' does not match '{}'", "Key 'a' error:\n*** does not match ***"),
        ("Or('x', 'y') did not validate '{}'", "Or('x', 'y') did not validate ***"),
        (
            "Key 'a' error:\nf('{}') should evaluate to True",
            "Key 'a' error:\nf(***) should evaluate to True",
        ),
        ("Key 'a' error:\nint('{}') raised ValueError('{}')", "Key 'a' error:\nint(***)"),
        ("Key 'a' error:\nWrong key 'b' in {'b': '{}'}", "Key 'a' error:\nWrong key 'b' in ***"),
        # several messages of jsonschema in a row
        (
            "'{}' does not match '^x$'; '{}' is too long",
            "*** does not match '^x$'; *** is too long",
        ),
        ("'{}' is too long, '{}' is not a 'date'", "*** is too long, *** is not a 'date'"),
        (
            "[\"'{}' does not match '^x$'\", \"'a' is too short\"]",
            '["*** does not match \'^x$\'", "*** is too short"]',
        ),
        (
            "'a' is a required property\n'{}' is too long",
            "'a' is a required property\n*** is too long",
        ),
        ("$.pin: '{}' is too long", "$.pin: *** is too long"),
        # addresses that were split within the password
        ('translate host name "{}@h" to address', 'translate host name "***@h" to address'),
        ("failed to resolve host '{}@a@h': no", "failed to resolve host '***@h': no"),
        ("connect to MySQL server on '{}@h' (no", "connect to MySQL server on '***@h' (no"),
        ("Invalid port: '{}'", "Invalid port: '***'"),
        (
            "Failed to parse: 'ann:{}' is not a valid host or port",
            "Failed to parse: 'ann:***' is not a valid host or port",
        ),
        ("nonnumeric port: '\"{}/'a@h'", "nonnumeric port: '***'"),
        (
            "Port must be an integer between 0 and 65535: '{}'",
            "Port must be an integer between 0 and 65535: '***'",
        ),
        (
            'invalid integer value ""{}" for connection option "port"',
            'invalid integer value "***" for connection option "port"',
        ),
        (
            'invalid dsn: missing "=" after "ann:"{}" in connection info string',
            'invalid dsn: missing "=" after "***" in connection info string',
        ),
        (
            'unexpected spaces found in "{} a", use percent-encoded spaces',
            'unexpected spaces found in "***", use percent-encoded spaces',
        ),
        (
            'missing key/value separator "=" in URI query parameter: "{}"',
            'missing key/value separator "=" in URI query parameter: ***',
        ),
    ]:
        with subtests.test(text=text):
            assert redact(text.replace("{}", SECRET)) == redacted


def test_arguments_of_the_standard_library_and_names_stay(subtests: pytest.Subtests) -> None:
    """Such a message names no field, so it would say nothing without the argument."""
    for text in [
        "invalid literal for int() with base 10: 'cat'",
        "could not convert string to float: 'cat'",
        "Invalid isoformat string: 'cat'",
        "'cat' is not a valid Color",
        "time data 'cat' does not match format '%Y'",
        "'cat' does not appear to be an IPv4 or IPv6 address",
        'Unknown parameter in input: "Cat", must be one of: ACL, Body',
        'Invalid bucket name "my cat": Bucket name must match',
        "'password' is a required property",
        "key 'cat.jpg' does not match '^dog', and 'cat' is too short",
        "'cat.jpg' does not match '^dog'",
        "'title' is too long; 'text' is too short",
        "Could not convert cat.jpg: unsupported mode CMYK",
        "Could not convert 'cat.jpg' to PNG",
        'Could not parse string table, found value of field "a"',
        "resize('cat.jpg') raised OSError('disk full')",
        "the server did not validate 'cat.jpg'",
        "'cat.jpg' does not match 'dog.jpg'",
        'Duplicate key "title" in cat.json, because key "a: b" is new',
        "with a new category (cats), set the album",
        "[line 7]: 'bad row' is empty",
        "Key 'a' error: 'cat.jpg' does not match",
        "the option has an invalid port: use 443",
        "cannot connect to ann@example.com, host 'example.com' of ann@example.com",
        "Unable to cast 'cat.jpg' into a shape",
        "could not parse `cat.jpg` as a picture",
        "Token 'cat.jpg' found: 'a'; Raw value: 'b'",
        "No option 'pin' in section: 'a'",
        "[line  3]: option 'pin' in section 'a' already exists",
    ]:
        with subtests.test(text=text):
            assert redact(text) == text


def test_metadata_that_boto3_refuses() -> None:
    client: Any = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    error = error_of(
        lambda: client.put_object(Bucket="b", Key="k", Metadata={"owner": f"Jürgen {SECRET}"})
    )

    text = redacted_text(error)

    assert SECRET not in text
    assert 'key "owner", value: "***".' in text


def test_value_that_dynamodb_cannot_hold() -> None:
    class Card:
        @override
        def __repr__(self) -> str:
            return SECRET

    error = error_of(lambda: TypeSerializer().serialize({"card": Card()}))

    assert redacted_text(error).endswith(' for value "***"')


def test_line_of_yaml_is_not_quoted() -> None:
    error = error_of(lambda: yaml.safe_load(f"a: {SECRET}: b"))

    assert SECRET in str(error)
    assert redacted_text(error) == "mapping values are not allowed here, line 1, column 20"


def test_password_with_a_slash_in_a_url(subtests: pytest.Subtests) -> None:
    """The part before the slash looks like a port."""
    ways_to_open: list[Callable[[str], object]] = [
        lambda address: urlsplit(f"redis://{address}").port,
        lambda address: urlopen(f"http://{address}"),
        HTTPSConnection,
        lambda address: urllib3.PoolManager().request("GET", f"https://{address}"),
    ]
    for open_address in ways_to_open:
        for split_at in "/?#":
            with subtests.test(open_address=open_address, split_at=split_at):
                error = error_of(lambda: open_address(f"ann:{SECRET}{split_at}'x@example.com/y"))

                assert SECRET in str(error)
                assert SECRET not in redacted_text(error)
                assert "port" in redacted_text(error).lower()


def test_line_of_an_ini_file_is_not_quoted() -> None:
    parser = configparser.ConfigParser()

    for content in (SECRET, f"[a]\n{SECRET}"):
        error = error_of(lambda content=content: parser.read_string(content))  # type: ignore[misc]
        assert SECRET in str(error)
        assert SECRET not in redact(f"cannot load: {error}")
        assert redacted_text(error) == f"cannot parse line {content.count(chr(10)) + 1}"


def test_option_with_a_percent_sign_is_not_quoted(subtests: pytest.Subtests) -> None:
    """Python reads a password with a "%" as a template. The name of the option is kept."""
    for interpolation, value in [
        (configparser.BasicInterpolation(), f"a%{SECRET}"),
        (configparser.BasicInterpolation(), f"a%({SECRET}"),
        (configparser.BasicInterpolation(), f"a%({SECRET})s"),
        (configparser.BasicInterpolation(), f"%(pin)s {SECRET}"),
        (configparser.ExtendedInterpolation(), f"a${SECRET}"),
        (configparser.ExtendedInterpolation(), f"a${{{SECRET}"),
        (configparser.ExtendedInterpolation(), f"a${{b:c:d}} {SECRET}"),
        (configparser.ExtendedInterpolation(), f"a${{{SECRET}}}"),
    ]:
        with subtests.test(interpolation=interpolation):
            parser = configparser.ConfigParser(interpolation=interpolation)
            parser.read_string(f"[a]\npin = {value}\n")

            error = error_of(lambda: parser.get("a", "pin"))

            assert isinstance(error, configparser.InterpolationError)
            assert SECRET in str(error)
            assert SECRET not in redact(f"cannot load: {error}")
            assert redacted_text(error) == "cannot interpolate option 'pin' in section 'a'"


def test_option_with_a_percent_sign_cannot_be_set() -> None:
    parser = configparser.ConfigParser()

    error = error_of(lambda: parser.read_dict({"a": {"pin": f"a%{SECRET}"}}))

    assert redacted_text(error) == "invalid interpolation syntax in '***' at position 1"


def test_error_of_schema() -> None:
    """The error is recognized by its class."""

    class SchemaError(Exception):
        pass

    SchemaError.__module__ = "schema"

    assert (
        redacted_text(SchemaError(f"'{SECRET}' does not match '^x$'")) == "*** does not match ***"
    )


def error_like_jsonschema(message: str) -> Exception:
    class ValidationError(Exception):
        json_path = "$.pin"
        validator = "type"

    ValidationError.__module__ = "jsonschema.exceptions"
    return ValidationError(message)


def test_instance_of_jsonschema_is_not_quoted() -> None:
    text = redacted_text(error_like_jsonschema(f"'{SECRET}' is not of type 'integer'"))

    assert text == "$.pin does not satisfy 'type' of the schema"


def test_message_of_jsonschema_within_another_exception(subtests: pytest.Subtests) -> None:
    """It is recognized by its words, the other lines of the text, or the cause."""
    for message in [
        f"'{SECRET}' is not of type 'integer'",
        f"'{SECRET}' is not one of ['a']",
        f"'{SECRET}' is too long",
        f"'{SECRET}' does not match '^a'",
        f"[1, '{SECRET}'] is expected to be empty",
        f"{{'a': \"] it's {SECRET}\"}} is not of type 'array'",
        f"Expected at most 1 item but found 1 extra: '{SECRET}'",
        f"False schema does not allow {{'a': '{SECRET}'}}",
    ]:
        with subtests.test(message=message):
            error = error_like_jsonschema(message)
            schema = "Failed validating 'a' in schema:\n    {}"
            whole = f"{message}\n\n{schema}\n\nOn instance:\n    '{SECRET}'"

            assert SECRET not in redact(f"bad: {whole}")
            assert SECRET not in redacted_text(raised(ValueError(message), cause=error))
            assert SECRET not in redacted_text(raised(ValueError(f"bad: {message}"), cause=error))


def test_input_that_is_longer_than_the_part_that_is_read() -> None:
    """The words that show that it is input may follow it."""
    text = f"bad: {[SECRET] * 100} is not of type 'integer'"

    assert redact(text, 500) == "bad: *** is not of type 'integer'"


def test_exception_with_its_own_str_keeps_its_text() -> None:
    """The author of a ``__str__`` decides what it contains."""

    class Mine(configparser.ParsingError):
        @override
        def __str__(self) -> str:
            return "mine"

    assert redacted_text(Mine("x")) == "mine"
