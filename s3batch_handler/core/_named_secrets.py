"""The values of parameters, fields, headers and options that are named like credentials."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from s3batch_handler.core._patterns import (
    ENCODED,
    QUOTE,
    closing_quote,
    end_of_value,
    mask_spans,
    pattern,
)
from s3batch_handler.core._secret_names import (
    HEADERS,
    KEY_OWNERS,
    NAME_HINTS,
    NAMES,
    NAMES_BEFORE_QUOTES,
    NAMES_IN_QUERIES,
    NAMES_IN_SENTENCES,
    OTHER_TOKENS,
    PLAIN_WORDS,
    SHORT_NAMES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_PAIR: Final = 400  # characters from a name to a value in another field
_EXAMINED: Final = 200  # characters of a value: in a text full of names, more would be quadratic


def mask_named_secrets(text: str) -> str:
    """Mask the values that follow the name of a credential and a separator."""
    lowered = _lowered(text)
    if not any(hint in lowered for hint in NAME_HINTS):
        return text
    return mask_spans(text, _spans_of_values(text, lowered))


def looks_random(value: str) -> bool:
    """Return whether a value looks random: long, with letters and digits, not a path."""
    return (
        len(value) >= 12
        and pattern(r"[\w\-+/=%.~$!*]+").fullmatch(value) is not None
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and pattern(r"\.[A-Za-z][A-Za-z0-9]{0,4}\Z").search(value) is None
    )


def _lowered(text: str) -> str:
    """Return the text in lower case, of the same length: "İ" becomes two characters otherwise."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)


class _Name(NamedTuple):
    """The name of a credential in a text, and the separator after it.

    Attributes:
        word: The name in lower case, without the ``s`` of a plural.
        is_closed: Whether a quote or a bracket follows the name.
        separator: Without white space; ``>`` for XML, empty for a space.
        is_encoded: Whether the separator is URL-encoded.
        end: Where the separator ends and the value begins.
    """

    word: str
    is_plural: bool
    is_closed: bool
    separator: str
    is_encoded: bool
    start: int
    end: int

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        separator = match["separator"].strip()
        if separator.endswith((">", "&gt;")) and separator != "=>":
            separator = ">"
        is_encoded = "%" in separator and separator.strip("%20+ ")[-2:] in ("3a", "3d")
        return cls(
            match["name"],
            bool(match["plural"]),
            bool(match["close"]),
            separator,
            is_encoded,
            match.start(),
            match.end(),
        )


def _spans_of_values(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    arns = [arn.span() for arn in pattern(_ARN).finditer(text)] if "arn" in lowered else []
    arns.reverse()
    position = 0
    while (match := _names().search(lowered, position)) is not None:
        position = match.end("name")  # what looks like a separator may contain another name
        name = _Name.from_match(match)
        while arns and arns[-1][1] <= name.start:
            arns.pop()
        if arns and arns[-1][0] < name.start and name.separator.endswith((":", "3a")):
            continue  # as in arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db
        if not _is_used_as_name(text, lowered, name) or not _may_be_secret(text, name):
            continue
        begin, end = _span_of_value(text, name)
        if begin < end:
            yield begin, end
            position = end


# ---------------------------------------------------------------- names


def _is_used_as_name(text: str, lowered: str, name: _Name) -> bool:
    """Return whether a match is a separate name, and not the end of a longer word."""
    before = lowered[max(0, name.start - 64) : name.start]
    in_query = before.endswith(("?", "&", ";", "#")) or pattern(_ENCODED_AT_END).search(before)
    word = name.word
    if word == "value":
        return _is_value_of_credential(text, name)
    if word in SHORT_NAMES and before[-1:].isalnum() and not in_query:
        return False
    if word[-3:] == "key" and word[:-3].rstrip("-_.") in KEY_OWNERS:
        is_capitalized = text[name.start].isupper() and before[-1:].islower()  # MyAesKey
        if before[-1:].isalnum() and not is_capitalized:
            return False
        if pattern(_PATH_OF_KEY).match(text, name.end):
            return False
    if word in NAMES_IN_QUERIES:
        return bool(in_query) and name.separator != ":"
    if name.separator not in (">", ",", ""):
        return True
    return _is_used_without_equals_sign(text, before, name)


def _is_used_without_equals_sign(text: str, before: str, name: _Name) -> bool:
    """Return whether a name is one of XML, of a pair, of a command, of SQL or in a sentence."""
    opener = before.rstrip("abcdefghijklmnopqrstuvwxyz0123456789_-.:")
    prefix = before[len(opener) :]
    if name.separator == ">":  # <Password>…, or <property name="password">…
        return opener.endswith(("<", "&lt;")) or bool(pattern(_NAME_ATTRIBUTE).search(opener))
    if prefix.startswith("-"):  # an option of a command
        return True
    if "set" in before and pattern(_SETTING).search(before):  # aws configure set aws_secret_… …
        return True
    if name.separator == ",":  # a pair, like ('Authorization', 'Bearer …')
        return name.is_closed and opener.rstrip("\\'\"b").endswith(("(", "["))
    if text[name.end : name.end + 2].lower().lstrip("ben")[:1] not in ("'", '"'):
        return False
    # An option of SQL is in capital letters or has "_": SESSION_TOKEN '…'
    is_option = text[name.start : name.end].isupper() or "_" in prefix + name.word
    return is_option or name.word in NAMES_BEFORE_QUOTES or _is_quoted_token(text, name)


def _is_value_of_credential(text: str, name: _Name) -> bool:
    """Return whether a field called ``value`` is beside a name, as in ``Name='a', Value='b'``."""
    if name.separator in ("", ","):
        return False
    begin = max(0, name.start - _LONGEST_PAIR)
    opening = "{}<" if name.separator == "=" else "{}"
    cut = max(text.rfind(character, begin, name.start) for character in opening) + 1
    before = text[max(begin, cut) : name.start]
    if name.separator == ":" and not name.is_closed and not pattern(_FIELD_START).search(before):
        return False  # as in "the value: a"
    if pattern(r"\bSecureString\b").search(before):
        return True
    fields = list(pattern(_NAME_FIELD).finditer(before))
    if not cut:
        fields = fields[-1:]
    if not fields:  # the name may follow
        value = text[name.end : name.end + _LONGEST_PAIR]
        quote = pattern(_OPENING).match(value)
        if quote is None or not quote["quote"]:
            return False
        end = closing_quote(value, quote.end(), quote["quote"]) + len(quote["quote"])
        field = pattern(_FOLLOWING_NAME_FIELD).match(value, end)
        fields = [field] if field else []
    number = pattern(_NUMBER).match(text, name.end)
    if number is not None and len(number[0]) <= 3:
        return False
    return any(_is_credential(field["word"], is_number=number is not None) for field in fields)


def _is_credential(word: str, *, is_number: bool) -> bool:
    """Return whether a word is the name of a credential."""
    text = f"{word}="
    lowered = _lowered(text)
    for match in _names().finditer(lowered):
        if match.end() == len(text):
            name = _Name.from_match(match)
            is_countable = name.is_plural or name.word in SHORT_NAMES
            return (
                name.word not in (*NAMES_IN_QUERIES, "value")
                and not (is_number and is_countable)
                and _is_used_as_name(text, lowered, name)
            )
    return False


def _is_quoted_token(text: str, name: _Name) -> bool:
    """Return whether a quoted word is a credential, as in ``The access token 'x' has expired``."""
    word = name.word
    if name.is_plural or word.startswith("host"):
        return False
    if not word.endswith(("key", "token", "jwt", "signature")):
        return False
    quoted = text[name.end : name.end + _EXAMINED]
    opening = pattern(_OPENING).match(quoted)
    if opening is None or not opening["quote"]:
        return False
    end = closing_quote(quoted, opening.end(), opening["quote"])
    value = quoted[opening.end() : end]
    rejection = pattern(_REJECTION_AFTER).match(quoted, end)
    before = text[max(0, name.start - 40) : name.start]
    is_ambiguous = word in ("token", "signature") and not pattern(_SPECIFIED).search(before)
    if is_ambiguous and before.lower().endswith(tuple(f"{other} " for other in OTHER_TOKENS)):
        return False
    if looks_random(value) and "/" not in value:
        return True
    if is_ambiguous:
        return len(value) >= 6 and rejection is not None and rejection["status"] is not None
    return rejection is not None or pattern(_REJECTION_BEFORE).search(before) is not None


# ---------------------------------------------------------------- values


def _may_be_secret(text: str, name: _Name) -> bool:
    """Return whether a value is a credential, not a word as in ``invalid token: expired``."""
    if _is_count(text, name):
        return False
    word, spelled = name.word, name.word + "s" * name.is_plural
    begin, end = _span_of_plain_value(text, name, longest=_EXAMINED)
    value, after = text[begin:end], text[end : end + 2]
    if word in NAMES_IN_QUERIES:
        return looks_random(value)
    if name.is_closed or name.separator != ":" or spelled in HEADERS:
        return True
    if not value or looks_random(value) or len(value) == _EXAMINED:
        return True
    if not {word, spelled}.isdisjoint(NAMES_IN_SENTENCES) or value.lower() in PLAIN_WORDS:
        return False
    return not (value.isalpha() and after[:1] == " " and after[1:].isalpha())


def _is_count(text: str, name: _Name) -> bool:
    """Return whether a value is a number, not a credential: ``max_tokens=4,096``, ``pin=17``."""
    if not name.is_plural and name.word not in SHORT_NAMES:
        return False
    number = pattern(_NUMBER).match(text, name.end)
    if number is None:
        return False
    longest = (12 if name.word == "token" else 3) if name.is_plural else 2
    return len(number[0]) <= longest


def _span_of_value(text: str, name: _Name) -> tuple[int, int]:
    """Return the start and the end of the value after a name."""
    begin = name.end
    if name.separator == ">":
        if text.startswith("<![CDATA[", begin):
            begin += len("<![CDATA[")
        element_end = pattern(r"<|&lt;|\]\]>").search(text, begin)
        return begin, element_end.start() if element_end else len(text)
    opening = pattern(_OPENING).match(text, begin)
    if opening is None:
        return _span_of_plain_value(text, name)
    begin = opening.end()
    if opening["quote"]:
        return begin, closing_quote(text, begin, opening["quote"])
    return begin, end_of_value(text, begin, stop_at_comma=False)


def _span_of_plain_value(text: str, name: _Name, longest: int | None = None) -> tuple[int, int]:
    """Return the start and the end of a value that is not in quotes or brackets."""
    begin = name.end
    end = len(text) if longest is None else min(len(text), begin + longest)
    value = pattern(_plain_value(name)).match(text, begin, end)
    found = value[0].rstrip(")]},.;:!?") if value else ""
    is_empty = found.lower() in ("none", "null", "true", "false")
    return begin, begin if is_empty else begin + len(found)


def _plain_value(name: _Name) -> str:
    if name.separator == ":" and name.word == "authorization":
        return _AUTHORIZATION
    if name.separator == ":" and name.word == "cookie" and not name.is_plural:
        return r"""[^\r\n'"<>]+"""
    return _ENCODED_VALUE if name.is_encoded else _UNQUOTED_VALUE


# ---------------------------------------------------------------- patterns

_ENCODED_AT_END: Final = rf"(?:{ENCODED}(?:20|22|23|26|27|2c|3b|3f|7b)|\\u0026|\\u003f|\\x26)\Z"
_NEXT: Final = r"""(?:['"],[ ]?['"]|[ ])"""
_SETTING: Final = rf"""\b(?:configure|config|user-secrets){_NEXT}set{_NEXT}[^\s'"]*\Z"""
_ARN: Final = r"(?i)\barn(?::|%3A)(?:[\w-]{0,40}(?::|%3A)){4}[^\s'\"<>,;&?]*"
_NUMBER: Final = r"\d[\d,_]{0,11}(?<=\d)(?![\w%+/=-]|\.\w)"

_SCHEME: Final = (
    r"(?:(?:bearer|basic|digest|negotiate|ntlm|apikey|token|sharedkey|oauth|!!?\w{1,20})"
    r"[ \t]{1,4})?"
)
_VALUE: Final = r"""(?:[^\s&'"<>\\,;]|\\(?![nrtux"'\\])|[,;](?!\s|$|[\w.\-]{1,40}[ ]?[=:]))"""
_UNQUOTED_VALUE: Final = rf"(?i){_SCHEME}{_VALUE}+"
_ENCODED_VALUE: Final = rf"(?i)(?:(?!{ENCODED}(?:22|26|27|7d)){_VALUE})+"

# Digest username="ann", response="…": all parameters. AWS4 has names that are masked anyway.
_PARAMETER: Final = r"""[\w-]{1,40}=(?:\\?"[^"\n]*"|'[^'\n]*'|[^\s,'"<>\\]+)"""
_AUTHORIZATION: Final = (
    rf"(?!AWS)[\w-]{{1,40}}[ \t]{{1,4}}{_PARAMETER}(?:,[ \t]{{0,4}}{_PARAMETER})*"
    r"""|(?:[\w-]{1,40}[ \t]{1,4})?[^\s'"<>]+"""
)

# UUID('…'), Secret(value=…), SecretStr(***)
_CALL: Final = rf"\((?:\w{{1,60}}=|\*\*\*|(?:[\w.]{{1,80}}\(){{0,3}}[bru]{{0,2}}(?:{QUOTE}))"
_OPENING: Final = (
    rf"(?i)[bruen]{{0,2}}(?P<quote>{QUOTE})|(?:[a-z_][\w.]{{0,80}}(?={_CALL}))?[\[({{]"
)

_FOLDER: Final = (
    r"(?:~|\.{1,2}|[A-Z]:|/(?:app|etc|home|mnt|opt|root|run|secrets|srv|tmp|usr|Users|var))[/\\]"
)
_KEY_FILE: Final = (
    r"[\w.-]{1,100}\.(?:asc|cer|crt|der|gpg|json|key|p8|p12|pem|pfx|ppk|pub)(?![\w.-])"
)
_PATH_OF_KEY: Final = rf"(?i)(?:{QUOTE})?(?:{_FOLDER}|{_KEY_FILE}|file://)"

# 'Name': 'DB_PASSWORD', key="Password" and <name>password
_FIELD: Final = (
    rf"(?:name|key|variable|header|option|setting)(?:{QUOTE})?[ \t]{{0,4}}[:=>]\s{{0,40}}"
    rf"[bu]?(?:{QUOTE})?(?P<word>[\w./:-]{{1,100}})"
)
_NAME_FIELD: Final = rf"(?i){_FIELD}"
_FOLLOWING_NAME_FIELD: Final = rf"(?i)[\s,]{{0,40}}(?:{QUOTE})?[a-z_]{{0,40}}?{_FIELD}"
_FIELD_START: Final = r"(?i)(?:\A|[\n,{(])[ \t-]{0,40}[a-z_]{0,40}\Z"
_NAME_ATTRIBUTE: Final = (
    r"<(?!(?:a|button|div|form|iframe|input|label|meta|select|span|textarea)\s)"
    rf"[\w:.-]+\s[^<>]*\b(?:name|key)=(?:{QUOTE})\Z"
)

_REJECTION_AFTER: Final = (
    rf"(?i)(?:{QUOTE})[ ]"
    r"(?:(?:is|was|has|have|been|be|not|no|longer|already|could|cannot|can|does|did)[ ]){0,5}"
    r"(?:(?P<status>(?:in)?valid|expired|revoked|rejected|disabled|malformed|verified)"
    r"|(?<!['\";][ ])(?:denied|authori[sz]ed|accepted|recogni[sz]ed|exist|found|known|unknown"
    r"|match|incorrect|wrong))\b"
)
_REJECTION_BEFORE: Final = (
    r"(?i)\b(?:invalid|incorrect|wrong|bad|expired|revoked|unknown|unrecogni[sz]ed|rejected"
    r"|malformed|unauthori[sz]ed|no user for|not a valid)[ ](?:[\w-]{1,20}[ _-])?\Z"
)
_SPECIFIED: Final = (
    r"(?i)\b(?:access|api|auth|authentication|authorization|bearer|csrf|id|identity|oauth|refresh"
    r"|reset|security|session|sas|jwt|web|personal access)[ _-]\Z"
)


@cache
def _names() -> re.Pattern[str]:
    """Return the pattern for a name, what may be attached to it, and a separator."""
    by_letter: dict[str, list[str]] = {}  # so that few names are tried at each character
    for name in (*NAMES, *SHORT_NAMES, *NAMES_IN_QUERIES, "value"):
        by_letter.setdefault(name[0], []).append(re.escape(name[1:]).replace("\\-", "[-_. ]?"))
    for letter in {owner[0] for owner in KEY_OWNERS}:
        owners = "|".join(sorted(owner[1:] for owner in KEY_OWNERS if owner[0] == letter))
        by_letter.setdefault(letter, []).append(f"(?:{owners})[-_.]?key")
    names = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    suffix = r"[-_]?(?:hash|value|hex|b64|base64|base|pem|v?\d{1,2})|__?"
    index = rf"""\[(?:\d{{0,3}}|['"][\w-]{{1,40}}['"])\]|{ENCODED}5b{ENCODED}5d"""
    close = rf"""\]|{ENCODED}5d|(?:{QUOTE})(?:\](?=[ ]?=[ ]?['"]))?"""
    space = rf"(?:[ \t+]|{ENCODED}20)"
    sign = rf"=(?!=)>?|:(?!//)|{ENCODED}3[ad]|\\{{1,4}}u003[ad]|&\#0?61;|>|&gt;|,"
    attribute = rf"[ \t\n]{{1,9}}[\w:.-]{{1,60}}=(?P<mark>{QUOTE})[^<>'\"&]{{0,200}}(?P=mark)"
    return re.compile(
        rf"(?P<name>{names})(?P<plural>s)?(?:{suffix})?(?:{index})?(?P<close>{close})?"
        rf"(?P<separator>{space}{{0,2}}(?:{sign}){space}{{0,4}}"
        rf"|(?:{attribute}){{1,9}}[ \t\n]{{0,4}}(?:>|&gt;)"
        r"""|[ \t]{1,20}|[ \t]{0,4}\n[ \t]{0,20}(?=['"]))"""
    )
