"""Remove credentials, and input that libraries quote, from texts for reports, logs and terminals.

:func:`redact` processes a text, :func:`redacted_text` the message of an exception, and
:func:`redact_exception` an exception that is logged with its traceback. The tables at the end of
this file and of ``quoted_input.py``, and ``docs/handlers.md``, list what they remove.

The run time is linear in the length of the text. Patterns are compiled when the first failure needs
them, so that a cold start does not become slower.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from s3batch_handler.core._errors import OutOfTime
from s3batch_handler.core._inspection import class_names
from s3batch_handler.core._quoted_input import (
    MASK,
    QUOTE,
    closing_quote,
    end_of_value,
    mask_before_sentences,
    mask_quoted_input,
    mask_sentences_of_schema,
)
from s3batch_handler.core._sanitize import truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST_TEXT: Final = 2000
"""The most characters of one exception in a report or a log line."""


def redact(text: str, longest: int | None = None) -> str:
    """Replace credentials in a text by ``***``, but keep their names.

    Only the first ``longest`` characters are read.

    ::

        https://b.s3.amazonaws.com/k?AWSAccessKeyId=***&Signature=***&Expires=1767225600
        postgresql://ann:***@db/photos
        {'Authorization': '***', 'Accept': 'text/html'}

    It removes the values of parameters, fields, headers and options that are named like
    credentials, in plain, URL-encoded, HTML-escaped and JSON-escaped text; passwords in addresses;
    tokens that are known by their form; and input that some libraries quote in their messages.
    """
    text = mask_quoted_input(text, longest)
    lowered = _lowered(text)
    if any(hint in lowered for hint in _NAME_HINTS):
        text = _mask_named(text, lowered)
    if any(program in lowered for program in PASSWORD_OPTIONS):
        text = _mask_options(text)
    if "@" in text or "://" in text or "%40" in text:
        text = _tokens().sub(_mask_userinfo, text)
    if any(hint in lowered for hint in _TOKEN_HINTS):
        text = _known_tokens().sub(_mask_known_token, text)
    return text


def redacted_text(error: BaseException, longest: int = 10_000) -> str:
    """Return ``str(error)`` without credentials and without quoted input.

    Only the first ``longest`` characters are read. Exceptions of ``str()`` are not caught.
    """
    for cls, name in zip(type(error).__mro__, class_names(error), strict=True):
        if name in _OWN_WORDS:
            return redact(_OWN_WORDS[name](error), longest)
        if "__str__" in vars(cls):
            break
    text = str(error)
    classes = {name for each in _chain(error) for name in class_names(each)}
    if "jsonschema.ValidationError" in classes:
        text = mask_before_sentences(text, of_jsonschema=True)
    if "schema.SchemaError" in classes:
        text = mask_sentences_of_schema(text, is_known=True)
    return redact(text, longest)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes, up to a limit."""
    each: BaseException | None = error
    for _ in range(10):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__


def short_text(error: BaseException, limit: int = LONGEST_TEXT) -> str:
    """Return :func:`redacted_text` with at most ``limit`` characters, also if ``str()`` raises."""
    try:
        return truncate(redacted_text(error, 2 * limit), limit)
    except OutOfTime:
        raise
    except BaseException:  # __str__ is code of the user
        return "(its text cannot be shown)"


# ---------------------------------------------------------------- exceptions with tracebacks


def redact_exception(error: BaseException) -> BaseException:
    """Return an exception to log: the exception itself, if nothing has to be removed, or a copy.

    The copy has another class of the same name, the same traceback and the redacted text. The
    causes of the exception and the members of a group are copied in the same way.
    """
    linked = _Linked(error)
    texts = {id(each): _text_for_log(each) for each in linked.exceptions}
    if linked.is_plain and not any(changed for _, changed in texts.values()):
        return error
    copies = {id(each): _copy(each, texts[id(each)][0]) for each in linked.exceptions}
    for each in linked.exceptions:
        copy = copies[id(each)]
        copy.__traceback__ = each.__traceback__
        copy.__cause__ = copies.get(id(each.__cause__))
        copy.__context__ = copies.get(id(each.__context__))
        copy.__suppress_context__ = each.__suppress_context__
        if id(each) in linked.members:
            vars(copy)["members"] = [copies[id(member)] for member in linked.members[id(each)]]
        for note in _notes(each):
            copy.add_note(redact(note, _LONGEST_LOGGED))
    return copies[id(error)]


_LONGEST_LOGGED: Final = 4000  # characters of one exception in a traceback
_MOST_LINKED: Final = 100  # exceptions of one traceback


class _Linked:
    """An exception and all exceptions that its traceback shows.

    Attributes:
        exceptions: Each of them once, up to a limit.
        members: Of each group among them, by its ``id()``: no exception is in two groups.
        is_plain: Whether these are all, and no group is within itself.
    """

    def __init__(self, error: BaseException) -> None:
        found: dict[int, BaseException] = {id(error): error}
        self.members: dict[int, list[BaseException]] = {}
        self.is_plain = True
        waiting = [error]
        while waiting:
            exception = waiting.pop()
            if isinstance(exception, BaseExceptionGroup):
                members = self.members[id(exception)] = []
                for member in exception.exceptions:
                    if id(member) in found or len(found) >= _MOST_LINKED:
                        self.is_plain = False
                        continue
                    found[id(member)] = member
                    members.append(member)
                waiting += members
            for other in (exception.__cause__, exception.__context__):
                if other is not None and id(other) not in found:
                    if len(found) >= _MOST_LINKED:
                        self.is_plain = False
                        continue
                    found[id(other)] = other
                    waiting.append(other)
        self.exceptions = list(found.values())


def _text_for_log(error: BaseException) -> tuple[str, bool]:
    """Return the text to log, and whether the traceback of the original would show another."""
    try:
        original = str(error)
        text = redacted_text(error, _LONGEST_LOGGED)
    except Exception:  # __str__ is foreign code
        return "(its text cannot be shown)", True
    if len(original) > _LONGEST_LOGGED:
        return f"{text}…", True
    beside = _notes(error)
    if isinstance(error, SyntaxError):  # a traceback shows the line
        beside.append(str(error.text or ""))
    return text, text != original or any(redact(part) != part for part in beside)


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def _copy(error: BaseException, text: str) -> BaseException:
    names: dict[str, Any] = {
        "__module__": type(error).__module__,
        "__qualname__": type(error).__qualname__,
        "__str__": lambda _: text,
    }
    if not isinstance(error, BaseExceptionGroup):
        made: BaseException = type(type(error).__name__, (Exception,), names)()
        return made
    # The members are not known yet, and Python's own groups cannot be changed.
    names["exceptions"] = property(lambda group: tuple(vars(group).get("members", ())))
    group: BaseException = type(type(error).__name__, (BaseExceptionGroup,), names)(
        "", [Exception()]
    )
    return group


# ---------------------------------------------------------------- names and their values


def _mask_named(text: str, lowered: str) -> str:
    """Mask the values that follow the name of a credential and a separator."""
    kept: list[str] = []
    arns = [arn.span() for arn in _arns().finditer(text)] if "arn" in lowered else []
    arns.reverse()
    done = position = 0
    while (name := _names().search(lowered, position)) is not None:
        position = name.end("name")  # what looks like a separator may contain another name
        while arns and arns[-1][1] <= name.start():
            arns.pop()
        if arns and arns[-1][0] < name.start() and _separator(name).endswith((":", "3a")):
            continue  # as in arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db
        if not _is_used_as_name(text, lowered, name) or not _may_be_secret(text, name):
            continue
        begin, end = _value(text, name)
        if begin < end:
            kept += [text[done:begin], MASK]
            done = position = end
    return "".join([*kept, text[done:]]) if kept else text


def _is_used_as_name(text: str, lowered: str, name: re.Match[str]) -> bool:
    """Return whether a match is a name of its own, and not the end of a longer word."""
    before = lowered[max(0, name.start() - 64) : name.start()]
    in_query = (
        before.endswith(("?", "&", ";", "#")) or re.search(_ENCODED_AT_END, before) is not None
    )
    word, separator = name["name"], _separator(name)
    if word == "value":
        return _is_value_of_credential(text, name)
    if word in SHORT_NAMES and before[-1:].isalnum() and not in_query:
        return False
    if word[-3:] == "key" and word[:-3].rstrip("-_.") in KEY_OWNERS:
        is_in_word = before[-1:].isalnum()
        if is_in_word and not (text[name.start()].isupper() and before[-1:].islower()):  # MyAesKey
            return False
        if _path_of_key().match(text, name.end()):
            return False
    if word in NAMES_IN_QUERIES:
        return in_query and separator != ":"
    if separator not in (">", ",", ""):
        return True
    opener = before.rstrip(_NAME_CHARACTERS)
    if separator == ">":
        # <Password>…, or <property name="password">…
        return opener.endswith(("<", "&lt;")) or _attribute_of_name().search(opener) is not None
    if before[len(opener) :].startswith("-"):  # an option of a command
        return True
    if "set" in before and re.search(_SETTING, before):  # aws configure set aws_secret_access_key …
        return True
    if separator == ",":  # a pair, like ('Authorization', 'Bearer …')
        return bool(name["close"]) and opener.rstrip("\\'\"b").endswith(("(", "["))
    if lowered[name.end() : name.end() + 2].lstrip("ben")[:1] not in ("'", '"'):
        return False
    # An option of SQL is in capital letters or has "_": SESSION_TOKEN '…'
    is_option = text[name.start() : name.end()].isupper() or "_" in before[len(opener) :] + word
    return is_option or word in _BEFORE_QUOTES or _is_quoted_token(text, name)


def _separator(name: re.Match[str]) -> str:
    separator = name["separator"].strip()
    return ">" if separator.endswith((">", "&gt;")) and separator != "=>" else separator


def _is_value_of_credential(text: str, name: re.Match[str]) -> bool:
    """Return whether a field called ``value`` is beside a name, as in ``Name='a', Value='b'``."""
    begin = max(0, name.start() - _LONGEST_PAIR)
    if _separator(name) in ("", ","):
        return False
    opening = "{}<" if _separator(name) == "=" else "{}"
    cut = max(text.rfind(character, begin, name.start()) for character in opening) + 1
    before = text[max(begin, cut) : name.start()]
    if _separator(name) == ":" and not name["close"] and not _begin_of_field().search(before):
        return False  # as in "the value: a"
    if _secure_string().search(before):
        return True
    fields = list(_name_field().finditer(before))
    if not fields:  # the name may follow
        value = text[name.end() : name.end() + _LONGEST_PAIR]
        quote = _opening().match(value)
        if quote is None or not quote["quote"]:
            return False
        end = closing_quote(value, quote.end(), quote["quote"]) + len(quote["quote"])
        field = _following_name_field().match(value, end)
        fields = [field] if field else []
    number = _number().match(text, name.end())
    if number is not None and len(number[0]) <= 3:
        return False
    return any(
        _is_name_of_credential(field["word"], is_number=number is not None)
        for field in (fields if cut else fields[-1:])
    )


_LONGEST_PAIR: Final = 400  # characters from the name to the value


def _is_name_of_credential(word: str, *, is_number: bool) -> bool:
    text = f"{word}="
    lowered = _lowered(text)
    for name in _names().finditer(lowered):
        if name.end() == len(text):
            is_countable = name["plural"] or name["name"] in SHORT_NAMES
            return (
                name["name"] not in (*NAMES_IN_QUERIES, "value")
                and not (is_number and is_countable)
                and _is_used_as_name(text, lowered, name)
            )
    return False


def _is_quoted_token(text: str, name: re.Match[str]) -> bool:
    """Return whether a quoted word is a credential, as in ``The access token 'x' has expired``."""
    word = name["name"]
    if not word.endswith(("key", "token", "jwt", "signature")) or word[:4] == "host":
        return False
    if name["plural"]:
        return False
    quoted = text[name.end() : name.end() + _LOOKED_AT]
    opening = _opening().match(quoted)
    if opening is None or not opening["quote"]:
        return False
    end = closing_quote(quoted, opening.end(), opening["quote"])
    value = quoted[opening.end() : end]
    rejection = _rejection().match(quoted, end)
    before = text[max(0, name.start() - 40) : name.start()]
    is_ambiguous = word in ("token", "signature") and not _kind_of_token().search(before)
    if is_ambiguous and before.lower().endswith(_OTHER_TOKENS):
        return False
    if _looks_random(value) and "/" not in value:
        return True
    if is_ambiguous:
        return len(value) >= 6 and rejection is not None and rejection["verdict"] is not None
    return rejection is not None or _rejecting().search(before) is not None


def _may_be_secret(text: str, name: re.Match[str]) -> bool:
    """Return whether a value is a credential, not a word as in ``invalid token: expired``."""
    word = name["name"]
    if _is_count(text, name):
        return False
    if word in NAMES_IN_QUERIES:
        # Only a part of the value, or the run time would be quadratic in a text full of names.
        begin, end = _plain_value(text, name, longest=_LOOKED_AT)
        return _looks_random(text[begin:end])
    spelled = word + (name["plural"] or "")
    if name["close"] or _separator(name) != ":" or spelled in _HEADERS:
        return True
    begin, end = _plain_value(text, name, longest=_LOOKED_AT)
    value, after = text[begin:end], text[end : end + 2]
    if begin == end or _looks_random(value) or len(value) == _LOOKED_AT:
        return True
    if not {word, spelled}.isdisjoint(_TOKENS_IN_SENTENCES) or value.lower() in _PLAIN_WORDS:
        return False
    return not (value.isalpha() and after[:1] == " " and after[1:].isalpha())


_LOOKED_AT: Final = 200


def _is_count(text: str, name: re.Match[str]) -> bool:
    """Return whether a value is a number, not a credential: ``max_tokens=4,096``, ``pin=17``."""
    if not name["plural"] and name["name"] not in SHORT_NAMES:
        return False
    number = _number().match(text, name.end())
    if number is None:
        return False
    longest = (12 if name["name"] == "token" else 3) if name["plural"] else 2
    return len(number[0]) <= longest


def _value(text: str, name: re.Match[str]) -> tuple[int, int]:
    """Return the start and the end of the value after a name."""
    begin = name.end()
    if _separator(name) == ">":
        if text.startswith("<![CDATA[", begin):
            begin += len("<![CDATA[")
        end = _end_of_element().search(text, begin)
        return begin, end.start() if end else len(text)
    opening = _opening().match(text, begin)
    if opening is None:
        return _plain_value(text, name)
    begin = opening.end()
    if opening["quote"]:
        return begin, closing_quote(text, begin, opening["quote"])
    return begin, end_of_value(text, begin, stop_at_comma=False)


def _plain_value(text: str, name: re.Match[str], longest: int | None = None) -> tuple[int, int]:
    begin = name.end()
    end = len(text) if longest is None else min(len(text), begin + longest)
    value = _pattern_for(name).match(text, begin, end)
    if value is None:
        return begin, begin
    found = value[0].rstrip(")]},.;:!?")
    if found.lower() in ("", "none", "null", "true", "false"):
        return begin, begin
    return begin, begin + len(found)


def _pattern_for(name: re.Match[str]) -> re.Pattern[str]:
    if _separator(name) == ":":
        if name["name"] == "authorization":
            return _authorization()
        if name["name"] == "cookie" and not name["plural"]:
            return _line()
    is_encoded = "%" in name["separator"] and name["separator"].strip("%20+ ")[-2:] in ("3a", "3d")
    return _encoded_value() if is_encoded else _unquoted_value()


def _looks_random(value: str) -> bool:
    """Return whether a value looks random: long, with letters and digits, not a path."""
    return (
        len(value) >= 12
        and re.fullmatch(_RANDOM, value) is not None
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and re.search(_FILE_ENDING, value) is None
    )


def _lowered(text: str) -> str:
    """Return the text in lower case, of the same length: "İ" becomes two characters otherwise."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)


# ---------------------------------------------------------------- passwords in URLs


def _mask_userinfo(match: re.Match[str]) -> str:
    """Mask the password in ``scheme://user:password@host``, plain or URL-encoded."""
    text = match[0]
    if "://" in text:
        first, *addresses = text.split("://")
        return "://".join([first, *map(_mask_in_address, addresses)])
    if "%40" in text:
        text = _encoded_userinfo().sub(rf"\1{MASK}", text)
    at = text.rfind("@")
    if at < 0:
        return text
    oracle = _oracle().match(text)
    if oracle is not None:
        return f"{oracle[1]}{MASK}{text[oracle.end() :]}"
    user, colon, password = text[:at].partition(":")
    name = user.lstrip("([{=,/").rpartition("=")[2]
    is_address = re.fullmatch(_USER, name) and name.lower() not in _SCHEMES
    if re.fullmatch(_TIME, text[:at].lstrip("([{=,")):
        return text
    if colon and password and is_address and re.match(_HOST, text[at + 1 :]):
        return f"{user}:{MASK}{text[at:]}"
    return text


def _mask_in_address(address: str) -> str:
    """Mask the password in the part of a URL after ``://``."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    at = authority.rfind("@")
    user, colon, rest = address.partition(":")
    if at < 0 and (
        colon == ""
        or len(user) >= len(authority)
        or user.startswith("[")
        or user == "arn"
        or re.match(_PORT, rest)
    ):
        return address
    # Passwords that are not encoded may have "/", "?", "#" and "@" in them.
    later = address.rfind("@")
    if at < 0 or (later > at and not re.match(_FULL_HOST, address[at + 1 :])):
        at = later
    if at < 0:  # the address was cut
        return f"{user}:{MASK}"
    if colon and len(user) < at:
        return f"{user}:{MASK}{address[at:]}"
    return f"{MASK}{address[at:]}" if _looks_random(address[:at]) else address


def _mask_options(text: str) -> str:
    """Mask passwords on command lines, such as that of a ``CalledProcessError``."""
    kept: list[str] = []
    done = 0
    programs = list(_programs().finditer(text))
    following = [*(program.start() for program in programs[1:]), len(text)][: len(programs)]
    for program, end in zip(programs, following, strict=True):
        line = text.find("\n", program.end(), end)
        options = _option(program["program"])
        for option in options.finditer(text, program.end(), end if line < 0 else line):
            begin, after = option.span(option.lastgroup or 0)
            kept += [text[done:begin], MASK]
            done = after
    return "".join([*kept, text[done:]]) if kept else text


def _mask_known_token(match: re.Match[str]) -> str:
    scheme, value = match["scheme"], match["value"]
    kept = match["option"] or match["address"]
    if kept:
        return f"{kept}{MASK}"
    if scheme is None:
        return MASK
    return f"{scheme}{MASK}" if _looks_random(value) or len(value) >= 20 else match[0]


# ---------------------------------------------------------------- the tables

NAMES: Final = (
    *("access-key", "access-key-id", "account-key", "admin-key", "api-key", "app-key"),
    *("application-key", "assertion", "auth-key", "authorization", "client-key", "consumer-key"),
    *("decryption-key", "fernet-key"),
    *("cookie", "credential", "customer-key", "encryption-key"),
    *("function-key", "functions-key", "google-access-id", "header value", "host-key"),
    "identified by",
    *("key-pair-id", "license-key", "master-key", "passcode", "passphrase", "passwd", "password"),
    *(
        "plaintext",
        "private-key",
        "pswd",
        "pwd",
        "saml-request",
        "saml-response",
        "secret",
        "secret-binary",
    ),
    *("secret-key", "secret-string", "security-key", "service-key", "sessid", "session-id"),
    "session-key",
    *("shared-key", "signature", "signing-key", "storage-key", "subscription-key", "token"),
    *("pass-key", "userpass"),
)
"""Names of credentials, also at the end of longer names: ``X-Amz-Security-Token``.

A ``-`` also matches ``_``, a space or nothing, and an ``s`` may follow.
"""

SHORT_NAMES: Final = (
    *("adminpass", "auth", "bearer", "cred", "creds", "dbpass", "hmac", "jwt", "keypass"),
    *("mfa-code", "mypass", "otp", "pass", "passwort", "pin", "pw", "rootpass", "sas", "session"),
    *("sid", "sig", "sign", "smtppass", "storepass", "ticket", "totp"),
)
"""Names of credentials that must be whole words: ``design`` does not contain ``sign``."""

KEY_OWNERS: Final = frozenset(
    (
        # algorithms, formats and protocols
        *("aes", "apns", "cek", "cert", "chacha", "chacha20", "cipher", "crypt", "crypto", "dec"),
        *("decrypt", "dek", "des", "drm", "dsa", "ecdsa", "ed25519", "enc", "encrypt", "gpg"),
        *("hkdf", "hmac", "hotp", "jwe", "jwk", "jws", "jwt", "kek", "ldap", "mfa", "mtls"),
        *("nacl", "oauth", "oidc", "otp", "pem", "pgp", "ppk", "psk", "rsa", "saml", "sftp", "sig"),
        *("sign", "smtp", "ssh", "ssl", "sso", "tdes", "tls", "totp", "vapid", "vpn", "webhook"),
        *("wg", "widevine", "wifi", "wireguard", "wpa", "x25519", "x509"),
        # what keys are for
        *("bitlocker", "bot", "captcha", "csrf", "deploy", "deployment", "hook", "keystore"),
        *("luks", "merchant", "recovery", "unseal", "wallet", "xsrf"),
        *("authentication", "authorization", "cryptographic", "escrow", "provisioning", "salt"),
        *("symmetric", "verification", "wrapping"),
        # services
        *("adyen", "airtable", "alchemy", "algolia", "amplitude", "anthropic", "assemblyai"),
        *("auth0", "aws", "azure", "braintree", "brevo", "bugsnag", "claude", "cloudconvert"),
        *("cloudflare", "cloudinary", "cohere", "convertapi", "cosmos", "cosmosdb", "databricks"),
        *("datadog", "deepgram", "deepl", "deepseek", "discord", "elevenlabs", "etherscan"),
        *("fastly", "fcm", "filestack", "firebase", "gcp", "gemini", "github", "gitlab"),
        *("google", "googlemaps", "google_maps", "gpt", "groq", "hcaptcha", "hf", "honeycomb"),
        *("hubspot", "huggingface", "iam", "imagekit", "imgix", "infura", "instrumentation"),
        *("intercom", "langfuse", "langsmith", "mailchimp", "mailgun", "mandrill", "mapbox"),
        *("mistral", "mixpanel", "newrelic", "new_relic", "notion", "npm", "okta", "openai"),
        *("openrouter", "openweather", "openweathermap", "opsgenie", "pagerduty", "paypal"),
        *("perplexity", "pinecone", "plaid", "posthog", "postmark", "pypi", "qdrant", "rapidapi"),
        *("razorpay", "recaptcha", "removebg", "rollbar", "salesforce", "sendgrid", "sendinblue"),
        *("sentry", "serpapi", "shodan", "shopify", "slack", "sparkpost", "stripe", "supabase"),
        *("tavily", "telegram", "tinify", "tinypng", "tmdb", "tomtom", "turnstile", "twilio"),
        *("uploadcare", "virustotal", "wandb", "weatherapi", "weaviate", "xai", "zendesk"),
        *(
            "ably",
            "alibaba",
            "aliyun",
            "alphavantage",
            "apify",
            "atlassian",
            "binance",
            "bitbucket",
        ),
        *("brightdata", "cerebras", "circleci", "clicksend", "codecov", "coinbase", "confluence"),
        *("digitalocean", "dropbox", "dynatrace", "facebook", "figma", "finnhub", "firecrawl"),
        *("flickr", "giphy", "grafana", "helicone", "heroku", "ipinfo", "ipstack", "jina", "jira"),
        *("klaviyo", "langchain", "launchdarkly", "linkedin", "linode", "litellm", "logdna"),
        *("loggly", "logzio", "maxmind", "meilisearch", "messagebird", "netlify", "newsapi"),
        *("nexmo", "onesignal", "optimizely", "papertrail", "pexels", "pixabay", "plivo", "pusher"),
        *("scraperapi", "sinch", "snyk", "sonarqube", "splunk", "sumologic", "tencent", "trello"),
        *("twitter", "typesense", "unsplash", "vercel", "vonage", "whatsapp", "wolfram", "zyte"),
    )
)
"""What stands before ``_KEY`` in names of credentials; a ``PARTITION_KEY`` is not one."""

NAMES_IN_QUERIES: Final = (
    *("access", "activation", "appid", "code", "confirmation", "csrf", "hash", "hdnea", "hdnts"),
    *(
        "invite",
        "key",
        "licence",
        "license",
        "magic",
        "md5",
        "nonce",
        "policy",
        "reset",
        "rlkey",
        "state",
    ),
    *("tok", "verification", "verifier", "xsrf"),
)
"""Names that are credentials only in query strings, and only if their values look random."""

PASSWORD_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "sshpass": ("-p", "-p "),
    **dict.fromkeys(("7z", "7za", "7zr", "7zz"), ("-p",)),
    **dict.fromkeys(("rar", "unrar"), ("-p", "-hp")),
    **dict.fromkeys(("zip", "unzip"), ("-P", "-P ")),
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlsh"), ("-p",)),
    **dict.fromkeys(("mariadb", "mariadb-dump", "mariadb-admin"), ("-p",)),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore"), ("-p ",)),
    **dict.fromkeys(("mongoexport", "mongoimport"), ("-p ",)),
    "redis-cli": ("-a ",),
    **dict.fromkeys(("sqlcmd", "bcp"), ("-P", "-P ")),
    "openssl": ("-pass ", "-passin ", "-passout ", "-k ", "-K "),
    "login": ("-p ",),  # docker login, az login, helm registry login
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami"), ("-w ",)),
    **dict.fromkeys(("pdftotext", "pdftoppm", "pdfinfo", "pdfimages"), ("-opw ", "-upw ")),
    "pdftk": ("input_pw ", "user_pw ", "owner_pw "),
    "ssh-keygen": ("-N ", "-P "),
    "sqlplus": (r"[\w$#]{1,60}/(?=[^\s'\"@]+@)",),
    **dict.fromkeys(("ffmpeg", "ffprobe"), ("-decryption_key ", "-encryption_key ")),
}
"""Programs, and patterns of what precedes a password; a space is another argument or ``=``."""

TOKEN_PREFIXES: Final = (
    *("AIza", "ya29.", "GOCSPX-"),  # Google
    *("gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_"),
    *("glagent-", "glcbt-", "gldt-", "glffct-", "glft-", "glimt-", "gloas-", "glpat-", "glptt-"),
    *("glrt-", "glrtr-", "glsoat-", "glwt-"),  # GitLab
    *("xapp-", "xoxa-", "xoxb-", "xoxe-", "xoxe.", "xoxo-", "xoxp-", "xoxr-", "xoxs-"),  # Slack
    *("pk_live_", "rk_live_", "rk_test_", "sk_live_", "sk_test_", "whsec_"),  # Stripe
    *("sq0atp-", "sq0csp-"),  # Square
    *("shpat_", "shpca_", "shppa_", "shpss_"),  # Shopify
    *("dckr_oat_", "dckr_pat_", "hvb.", "hvr.", "hvs."),  # Docker, Vault
    *("dop_v1_", "doo_v1_", "dor_v1_"),  # DigitalOcean
    *("npm_", "pypi-", "rubygems_", "hf_", "gsk_", "pplx-"),
    *("glc_", "glsa_", "sntrys_", "sntryu_", "NRAK-", "dt0c01."),  # Grafana, Sentry, and the like
    *("SG.", "ATATT3", "ATCTT3", "lin_api_", "PMAK-", "figd_", "pscale_pw_", "pscale_tkn_"),
    *("tskey-", "AGE-SECRET-KEY-", "ops_eyJ", "CFPAT-", "dapi", "pat-na1-", "pat-eu1-"),
)
"""How tokens begin that are known by their form."""

SECRET_ADDRESSES: Final = (
    *("hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"),
    *("/incomingwebhook/", "hooks.zapier.com/hooks/catch/", "maker.ifttt.com/use/", "/with/key/"),
    "events.pagerduty.com/integration/",
)
"""Parts of addresses after which the path is a credential."""

_HEADERS: Final = ("authorization", "cookie", "header value")
_BEFORE_QUOTES: Final = ("header value", "identified by", "passphrase", "passwd", "password")
_TOKENS_IN_SENTENCES: Final = (
    *("assertion", "auth", "bearer", "cookies", "cred", "credential", "credentials", "hmac"),
    *("pass", "pin", "plaintext", "session", "signature", "ticket", "token"),
)
_PLAIN_WORDS: Final = (
    *("denied", "empty", "expected", "expired", "failed", "incorrect", "invalid", "malformed"),
    *("missing", "required", "unknown", "unset", "unused", "wrong"),
)
_OTHER_TOKENS: Final = ("continuation ", "next ", "page ", "pagination ", "unexpected ")
_SCHEMES: Final = ("acct", "arn", "mailto", "npm", "sip", "sips", "xmpp")
_NAME_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-.:"

_NAME_HINTS: Final = (
    *("access", "activat", "appid", "assert", "auth", "bearer", "code", "confirm", "cookie"),
    *("cred", "google", "hash", "hdn", "invite", "licen", "md5", "reset"),
    *(
        "header value",
        "hmac",
        "identified",
        "jwt",
        "key",
        "magic",
        "nonce",
        "otp",
        "pass",
        "pin",
        "plaintext",
    ),
    *(
        "policy",
        "pswd",
        "pw",
        "saml",
        "sas",
        "secret",
        "sessi",
        "securestring",
        "sid",
        "sig",
        "srf",
        "state",
    ),
    *("ticket", "tok", "verifi"),
)
_TOKEN_HINTS: Final = (
    *("---- begin", "-----begin", "basic", "bearer", "bot", "eyj", "sk-", "-u", "user", "webhooks"),
    *("/hooks/", "hooks.", "incomingwebhook", "maker.ifttt.com", "pagerduty"),
    *map(str.lower, TOKEN_PREFIXES),
)

_ENCODED = r"%(?:25){0,3}"  # percent signs may be encoded again
_SPACE = rf"(?:[ \t+]|{_ENCODED}20)"
_ENCODED_AT_END: Final = r"(?:%(?:25){0,3}(?:20|22|23|26|27|2c|3b|3f|7b)|\\u0026|\\u003f|\\x26)\Z"
_RANDOM: Final = r"[\w\-+/=%.~$!*]+"
_FILE_ENDING: Final = r"\.[A-Za-z][A-Za-z0-9]{0,4}\Z"
_USER: Final = r"[\w.+%-]{1,64}"
_HOST: Final = r"(?!sha\d)[\w\[%]"
_TIME: Final = r"\d{1,2}:\d\d"
_NEXT = r"""(?:['"],[ ]?['"]|[ ])"""
_SETTING: Final = rf"""\b(?:configure|config|user-secrets){_NEXT}set{_NEXT}[^\s'"]*\Z"""
_FULL_HOST: Final = r"\[|localhost|[\w-]+(?:\.[\w-]|:\d)"
_PORT: Final = r"(?:\d{0,5}|port|PORT)(?![\w%~$!*+-])"


@cache
def _names() -> re.Pattern[str]:
    by_letter: dict[str, list[str]] = {}  # so that few names are tried at each character
    for name in (*NAMES, *SHORT_NAMES, *NAMES_IN_QUERIES, "value"):
        by_letter.setdefault(name[0], []).append(re.escape(name[1:]).replace("\\-", "[-_. ]?"))
    for letter in {owner[0] for owner in KEY_OWNERS}:
        owners = "|".join(sorted(owner[1:] for owner in KEY_OWNERS if owner[0] == letter))
        by_letter.setdefault(letter, []).append(f"(?:{owners})[-_.]?key")
    attribute = rf"[ \t\n]{{1,9}}[\w:.-]{{1,60}}=(?P<mark>{QUOTE})[^<>'\"&]{{0,200}}(?P=mark)"
    names = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())
    return re.compile(
        rf"""(?P<name>{names})(?P<plural>s)?(?:[-_]?(?:hash|value|hex|b64|base64|base|pem|v?\d{{1,2}})|__?)?(?:\[(?:\d{{0,3}}|['"][\w-]{{1,40}}['"])\]|{_ENCODED}5b{_ENCODED}5d)?"""
        rf"""(?P<close>\]|{_ENCODED}5d|(?:{QUOTE})(?:\](?=[ ]?=[ ]?['"]))?)?"""
        rf"""(?P<separator>{_SPACE}{{0,2}}(?:=(?!=)>?|:(?!//)|{_ENCODED}3[ad]|\\{{1,4}}u003[ad]"""
        rf"""|&\#0?61;|>|&gt;|,){_SPACE}{{0,4}}|(?:{attribute}){{1,9}}[ \t\n]{{0,4}}(?:>|&gt;)"""
        rf"""|[ \t]{{1,20}}|[ \t]{{0,4}}\n[ \t]{{0,20}}(?=['"]))"""
    )


@cache
def _arns() -> re.Pattern[str]:
    colon = r"(?::|%3A)"
    fields = rf"(?:[\w-]{{0,40}}{colon}){{4}}"
    return re.compile(rf"\barn{colon}{fields}[^\s'\"<>,;&?]*", re.IGNORECASE)


@cache
def _number() -> re.Pattern[str]:
    return re.compile(r"\d[\d,_]{0,11}(?<=\d)(?![\w%+/=-]|\.\w)")


_SCHEME = (
    r"(?:(?:bearer|basic|digest|negotiate|ntlm|apikey|token|sharedkey|oauth|!!?\w{1,20})"
    r"[ \t]{1,4})?"
)
_VALUE = r"""(?:[^\s&'"<>\\,;]|\\(?![nrtux"'\\])|[,;](?!\s|$|[\w.\-]{1,40}[ ]?[=:]))"""


@cache
def _unquoted_value() -> re.Pattern[str]:
    return re.compile(rf"{_SCHEME}{_VALUE}+", re.IGNORECASE)


@cache
def _authorization() -> re.Pattern[str]:
    parameter = r"""[\w-]{1,40}=(?:\\?"[^"\n]*"|'[^'\n]*'|[^\s,'"<>\\]+)"""
    # Digest username="ann", response="…": all parameters. AWS4 has names that are masked anyway.
    several = rf"(?!AWS)[\w-]{{1,40}}[ \t]{{1,4}}{parameter}(?:,[ \t]{{0,4}}{parameter})*"
    return re.compile(rf"""{several}|(?:[\w-]{{1,40}}[ \t]{{1,4}})?[^\s'"<>]+""")


@cache
def _line() -> re.Pattern[str]:
    return re.compile(r"""[^\r\n'"<>]+""")


@cache
def _encoded_value() -> re.Pattern[str]:
    return re.compile(rf"(?:(?!{_ENCODED}(?:22|26|27|7d)){_VALUE})+", re.IGNORECASE)


@cache
def _opening() -> re.Pattern[str]:
    # UUID('…'), Secret(value=…), SecretStr(***)
    inside = rf"\((?:\w{{1,60}}=|\*\*\*|(?:[\w.]{{1,80}}\(){{0,3}}[bru]{{0,2}}(?:{QUOTE}))"
    call = rf"(?:[a-z_][\w.]{{0,80}}(?={inside}))?"
    return re.compile(rf"[bruen]{{0,2}}(?P<quote>{QUOTE})|{call}[\[({{]", re.IGNORECASE)


@cache
def _path_of_key() -> re.Pattern[str]:
    folders = (
        r"(?:~|\.{1,2}|[A-Z]:|/(?:app|etc|home|mnt|opt|root|run|secrets|srv|tmp|usr|Users|var))"
    )
    endings = r"(?:asc|cer|crt|der|gpg|json|key|p8|p12|pem|pfx|ppk|pub)"
    return re.compile(
        rf"(?:{QUOTE})?(?:{folders}[/\\]|[\w.-]{{1,100}}\.{endings}(?![\w.-])|file://)",
        re.IGNORECASE,
    )


@cache
def _end_of_element() -> re.Pattern[str]:
    return re.compile(r"<|&lt;|\]\]>")


_NAME_FIELD = (
    rf"(?:name|key|variable|header|option|setting)(?:{QUOTE})?[ \t]{{0,4}}[:=>]\s{{0,40}}"
    rf"[bu]?(?:{QUOTE})?(?P<word>[\w./:-]{{1,100}})"
)


@cache
def _name_field() -> re.Pattern[str]:
    """Match ``'Name': 'DB_PASSWORD'``, ``key="Password"`` and ``<name>password``."""
    return re.compile(_NAME_FIELD, re.IGNORECASE)


@cache
def _following_name_field() -> re.Pattern[str]:
    begin = rf"[\s,]{{0,40}}(?:{QUOTE})?[a-z_]{{0,40}}?"
    return re.compile(begin + _NAME_FIELD, re.IGNORECASE)


@cache
def _attribute_of_name() -> re.Pattern[str]:
    of_html = "a|button|div|form|iframe|input|label|meta|select|span|textarea"
    return re.compile(rf"<(?!(?:{of_html})\s)[\w:.-]+\s[^<>]*\b(?:name|key)=(?:{QUOTE})\Z")


@cache
def _begin_of_field() -> re.Pattern[str]:
    return re.compile(r"(?:\A|[\n,{(])[ \t-]{0,40}[a-z_]{0,40}\Z", re.IGNORECASE)


@cache
def _secure_string() -> re.Pattern[str]:
    return re.compile(r"\bSecureString\b")


@cache
def _rejection() -> re.Pattern[str]:
    auxiliary = "is|was|has|have|been|be|not|no|longer|already|could|cannot|can|does|did"
    verdict = "(?:in)?valid|expired|revoked|rejected|disabled|malformed|verified"
    others = "denied|authori[sz]ed|accepted|recogni[sz]ed|exist|found|known|unknown|match|incorrect"
    return re.compile(
        rf"(?:{QUOTE})[ ](?:(?:{auxiliary})[ ]){{0,5}}"
        rf"(?:(?P<verdict>{verdict})|(?<!['\";][ ])(?:{others}|wrong))\b",
        re.IGNORECASE,
    )


@cache
def _rejecting() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:invalid|incorrect|wrong|bad|expired|revoked|unknown|unrecogni[sz]ed|rejected|malformed"
        r"|unauthori[sz]ed|no user for|not a valid)[ ](?:[\w-]{1,20}[ _-])?\Z",
        re.IGNORECASE,
    )


@cache
def _kind_of_token() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:access|api|auth|authentication|authorization|bearer|csrf|id|identity|oauth|refresh"
        r"|reset|security|session|sas|jwt|web|personal access)[ _-]\Z",
        re.IGNORECASE,
    )


@cache
def _tokens() -> re.Pattern[str]:
    return re.compile(r"""[^\s'"<>]+""")


@cache
def _oracle() -> re.Pattern[str]:
    """Match ``scott/password`` before ``@host:1521/service`` or ``@//host``."""
    return re.compile(
        r"([(\[{=,]*(?:jdbc:oracle:\w+:|\w{1,30}=)?[A-Za-z][\w$#]{0,60}(?:\[\w{1,60}\])?/)[^\s/@]\S{0,200}?"
        r"(?=@(?://\w|\(DESCRIPTION|[\w.-]{1,100}:\d{4,5}))"
    )


@cache
def _encoded_userinfo() -> re.Pattern[str]:
    address = rf"{_ENCODED}3A(?:{_ENCODED}2F){{2}}[^\s%&]{{0,100}}{_ENCODED}3A"
    return re.compile(rf"({address})[^\s&]{{1,200}}?(?={_ENCODED}40)", re.IGNORECASE)


@cache
def _known_tokens() -> re.Pattern[str]:
    prefixes = "|".join(map(re.escape, TOKEN_PREFIXES))
    addresses = "|".join(map(re.escape, SECRET_ADDRESSES)).replace("/", "(?:/|%2F)")
    return re.compile(
        rf"""(?<![\w-])(?:
            eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?    # a JSON Web Token
          | (?:{prefixes})[\w.-]{{10,}}
          | sk-[\w-]{{20,}}
        )
        | -----?\ ?BEGIN\ [A-Z0-9\ ]{{0,30}}PRIVATE\ KEY(?:\ BLOCK)?\ ?-----?
          .*?(?:-----?\ ?END\ [A-Z0-9\ ]{{0,30}}KEY(?:\ BLOCK)?\ ?-----?|\Z)
        | (?P<address>{addresses})[\w/.@%+-]+
        | (?<=/api/webhooks/)\d+/[\w-]+                 # Discord
        | (?<=/webhooks/)\d{{15,25}}/[\w-]+
        | (?<=/hooks/)[a-z0-9]{{26}}(?!\w)               # Mattermost
        | (?<=/bot)\d+:[\w-]+                           # Telegram
        | (?P<option>(?<![\w-])(?:-u|--user|--proxy-user)(?:[ =]|['"],[ ]?)['"]?[\w.@+-]{{1,64}}:)
          [^\s'"]+
        | (?P<scheme>\b(?:Bearer|Basic)[ ]{{1,4}})(?P<value>[\w.~+/=-]{{8,}})
        """,
        re.VERBOSE | re.DOTALL | re.IGNORECASE,
    )


@cache
def _programs() -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(PASSWORD_OPTIONS, key=len, reverse=True)))
    return re.compile(rf"""(?<![\w-])(?P<program>{names})(?:\.exe)?(?=['",\s])""")


@cache
def _option(program: str) -> re.Pattern[str]:
    options = PASSWORD_OPTIONS[program]
    attached = "|".join(option for option in options if not option.endswith(" ")) or "(?!)"
    separate = "|".join(option.rstrip() for option in options if option.endswith(" ")) or "(?!)"
    return re.compile(
        rf"""(?:(?<=['"])(?:{attached})(?=[^\s'"])(?P<item>[^'"\n]+)  # in a list
        | (?<![\w'"-])(?:{attached})(?P<word>[^\s'"]+)
        | (?<![\w-])(?:{separate})(?:['"],[ ]?|[ =]{{1,2}})
          (?P<quote>['"])?(?P<next>(?(quote)(?:(?!(?P=quote))[^\n])+|[^\s'"]+)))""",
        re.VERBOSE,
    )


# ---------------------------------------------------------------- exceptions described anew


def _words_of_pydantic(error: Any) -> str:
    """Describe a ValidationError of pydantic 1 or 2: fields and problems, without input."""
    if hasattr(error, "error_count"):
        title = error.title
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    else:
        title, problems = error.model.__name__, error.errors()
    count = len(problems)
    lines = [f"{_field(problem['loc'])}{_problem(problem)}" for problem in problems[:_PROBLEMS]]
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    return f"{count} validation error{'' if count == 1 else 's'} for {title}: {'; '.join(lines)}"


_PROBLEMS: Final = 5


def _field(location: tuple[int | str, ...]) -> str:
    steps = []
    for step, following in zip(location, (*location[1:], None), strict=True):
        if following == "[key]":  # the key is the input
            step = MASK  # noqa: PLW2901
        steps.append(f"[{step}]" if isinstance(step, int) else f".{str(step)[:64]}")
    path = "".join(steps).lstrip(".")
    return f"{path}: " if path and path != "__root__" else ""


def _problem(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "union_tag_invalid":  # its message has the tag
        return "The tag is not one of the expected ones"
    return str(problem["msg"])


def _words_of_jsonschema(error: Any) -> str:
    return f"{error.json_path} does not satisfy {error.validator!r} of the schema"


def _words_of_yaml(error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return f"{error.problem or error.context or 'not valid YAML'}{place}"


def _words_of_configparser(error: Any) -> str:
    lines = [number for number, _ in getattr(error, "errors", ())] or [getattr(error, "lineno", 0)]
    return f"cannot parse line {', '.join(map(str, lines[:_PROBLEMS]))}"


def _words_of_interpolation(error: Any) -> str:
    return f"cannot interpolate option {error.option!r} in section {error.section!r}"


_OWN_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "pydantic_core.ValidationError": _words_of_pydantic,
    "pydantic.ValidationError": _words_of_pydantic,  # version 1
    "jsonschema.ValidationError": _words_of_jsonschema,
    "yaml.MarkedYAMLError": _words_of_yaml,
    "configparser.ParsingError": _words_of_configparser,
    "configparser.InterpolationError": _words_of_interpolation,
}
"""Exceptions whose text consists of input, and the functions that describe them instead."""
