"""Passwords in URLs and on command lines, and tokens that are known by their form."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._named_secrets import looks_random
from s3batch_handler.core._patterns import ENCODED, MASK, mask_spans, pattern, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def mask_known_secrets(text: str) -> str:
    """Mask passwords and tokens that are recognized without a name before them."""
    if any(program in text for program in PASSWORD_OPTIONS):
        text = mask_spans(text, _spans_of_passwords(text))
    if "@" in text or "://" in text or "%40" in text:
        text = pattern(r"""[^\s'"<>]+""").sub(_mask_userinfo, text)
    lowered = text.lower()
    if any(hint in lowered for hint in _TOKEN_HINTS):
        text = _known_tokens().sub(_mask_known_token, text)
    return text


# ---------------------------------------------------------------- URLs


def _mask_userinfo(match: re.Match[str]) -> str:
    """Mask the password in ``scheme://user:password@host``, plain or URL-encoded."""
    text = match[0]
    if "://" in text:
        first, *addresses = text.split("://")
        return "://".join([first, *map(_mask_in_address, addresses)])
    if "%40" in text:
        text = pattern(_ENCODED_USERINFO).sub(rf"\1{MASK}", text)
    at = text.rfind("@")
    if at < 0:
        return text
    oracle = pattern(_ORACLE_LOGIN).match(text)
    if oracle is not None:
        return f"{oracle[1]}{MASK}{text[oracle.end() :]}"
    user, _, password = text[:at].partition(":")
    name = user.lstrip("([{=,/").rpartition("=")[2]
    is_user = pattern(r"[\w.+%-]{1,64}").fullmatch(name) and name.lower() not in _OTHER_SCHEMES
    is_time = pattern(r"[(\[{=,]*\d{1,2}:\d\d").fullmatch(text[:at])
    is_host = pattern(r"(?!sha\d)[\w\[%]").match(text, at + 1)
    if password and is_user and is_host and not is_time:
        return f"{user}:{MASK}{text[at:]}"
    return text


def _mask_in_address(address: str) -> str:
    """Mask the password in the part of a URL after ``://``."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    at = authority.rfind("@")
    user, colon, rest = address.partition(":")
    if at < 0 and (
        not colon
        or len(user) >= len(authority)
        or user.startswith("[")
        or user == "arn"
        or pattern(r"(?:\d{0,5}|port|PORT)(?![\w%~$!*+-])").match(rest)
    ):
        return address
    # Passwords that are not encoded may have "/", "?", "#" and "@" in them.
    later = address.rfind("@")
    if at < 0 or (later > at and not pattern(_FULL_HOST).match(address, at + 1)):
        at = later
    if at < 0:  # the address was cut
        return f"{user}:{MASK}"
    if colon and len(user) < at:
        return f"{user}:{MASK}{address[at:]}"
    return f"{MASK}{address[at:]}" if looks_random(address[:at]) else address


_FULL_HOST: Final = r"\[|localhost|[\w-]+(?:\.[\w-]|:\d)"
_OTHER_SCHEMES: Final = words("acct arn mailto npm sip sips xmpp")
_ENCODED_USERINFO: Final = (
    rf"(?i)({ENCODED}3A(?:{ENCODED}2F){{2}}[^\s%&]{{0,100}}{ENCODED}3A)"
    rf"[^\s&]{{1,200}}?(?={ENCODED}40)"
)
_ORACLE_LOGIN: Final = (  # scott/password before @host:1521/service or @//host
    r"([(\[{=,]*(?:jdbc:oracle:\w+:|\w{1,30}=)?[A-Za-z][\w$#]{0,60}(?:\[\w{1,60}\])?/)"
    r"[^\s/@]\S{0,200}?(?=@(?://\w|\(DESCRIPTION|[\w.-]{1,100}:\d{4,5}))"
)


# ---------------------------------------------------------------- command lines


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


def _spans_of_passwords(text: str) -> Iterator[tuple[int, int]]:
    programs = list(_programs().finditer(text))
    following = [*(program.start() for program in programs[1:]), len(text)][: len(programs)]
    for program, end in zip(programs, following, strict=True):
        line_end = text.find("\n", program.end(), end)
        options = pattern(_option(program["program"]))
        for option in options.finditer(text, program.end(), end if line_end < 0 else line_end):
            yield option.span(option.lastgroup or 0)


@cache
def _programs() -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(PASSWORD_OPTIONS, key=len, reverse=True)))
    return re.compile(rf"""(?<![\w-])(?P<program>{names})(?:\.exe)?(?=['",\s])""")


def _option(program: str) -> str:
    options = PASSWORD_OPTIONS[program]
    attached = "|".join(option for option in options if not option.endswith(" ")) or "(?!)"
    separate = "|".join(option.rstrip() for option in options if option.endswith(" ")) or "(?!)"
    return rf"""(?x)
        (?:(?<=['"])(?:{attached})(?=[^\s'"])(?P<item>[^'"\n]+)  # in a list
        | (?<![\w'"-])(?:{attached})(?P<word>[^\s'"]+)
        | (?<![\w-])(?:{separate})(?:['"],[ ]?|[ =]{{1,2}})
          (?P<quote>['"])?(?P<next>(?(quote)(?:(?!(?P=quote))[^\n])+|[^\s'"]+)))"""


# ---------------------------------------------------------------- tokens


TOKEN_PREFIXES: Final = words("""
    AIza ya29. GOCSPX-
    gho_ ghp_ ghr_ ghs_ ghu_ github_pat_
    glagent- glcbt- gldt- glffct- glft- glimt- gloas- glpat- glptt- glrt- glrtr- glsoat- glwt-
    xapp- xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs-
    pk_live_ rk_live_ rk_test_ sk_live_ sk_test_ whsec_
    sq0atp- sq0csp-
    shpat_ shpca_ shppa_ shpss_
    dckr_oat_ dckr_pat_ hvb. hvr. hvs.
    dop_v1_ doo_v1_ dor_v1_
    npm_ pypi- rubygems_ hf_ gsk_ pplx-
    glc_ glsa_ sntrys_ sntryu_ NRAK- dt0c01.
    SG. ATATT3 ATCTT3 lin_api_ PMAK- figd_ pscale_pw_ pscale_tkn_
    tskey- AGE-SECRET-KEY- ops_eyJ CFPAT- dapi pat-na1- pat-eu1-
""")
"""The first characters of tokens that are known by their form.

By line: Google; GitHub; GitLab; Slack; Stripe; Square; Shopify; Docker and Vault; DigitalOcean;
package registries and models; monitoring; others.
"""

SECRET_ADDRESSES: Final = words("""
    hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/
    /incomingwebhook/ hooks.zapier.com/hooks/catch/ maker.ifttt.com/use/ /with/key/
    events.pagerduty.com/integration/
""")
"""Parts of addresses after which the path is a credential."""

_TOKEN_HINTS: Final = (
    *("---- begin", "-----begin"),
    *words("basic bearer bot eyj sk- -u user webhooks /hooks/ hooks. incomingwebhook"),
    *words("maker.ifttt.com pagerduty"),
    *map(str.lower, TOKEN_PREFIXES),
)


def _mask_known_token(match: re.Match[str]) -> str:
    scheme, value = match["scheme"], match["value"]
    kept = match["option"] or match["address"] or scheme
    is_word = scheme and len(value) < 20 and not looks_random(value)
    return match[0] if is_word else f"{kept or ''}{MASK}"


@cache
def _known_tokens() -> re.Pattern[str]:
    prefixes = "|".join(map(re.escape, TOKEN_PREFIXES))
    addresses = "|".join(map(re.escape, SECRET_ADDRESSES)).replace("/", "(?:/|%2F)")
    return re.compile(
        rf"""(?xsi)(?<![\w-])(?:
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
        """
    )
