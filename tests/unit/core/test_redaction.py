"""Credentials and quoted input do not get into reports, logs and terminals."""

from __future__ import annotations

import configparser
import datetime as dt
import json
import logging
import time
import traceback
from http.client import HTTPSConnection
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import boto3
import pydantic
import pydantic.v1
import pytest
import urllib3
import yaml  # type: ignore[import-untyped]
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from s3batch_handler.core._logged_exceptions import redact_exception
from s3batch_handler.core._redaction import redact, redacted_text
from s3batch_handler.core._secret_names import NAMES, NAMES_IN_QUERIES, SHORT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "aB3xY5zK9mQ7wE1r"


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_address_of_boto3(version: str) -> None:
    """With either version of the signature; bucket and key stay."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x",
        aws_session_token=SECRET,
        config=Config(signature_version=version),
    )
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "cat.jpg"})
    hidden = [
        pair.partition("=")[2]
        for pair in url.partition("?")[2].split("&")
        if pair.lower().endswith(SECRET.lower())
        or pair.lower().partition("=")[0]
        in ("signature", "x-amz-signature", "awsaccesskeyid", "x-amz-credential")
    ]

    text = redact(f"403 Client Error: Forbidden for url: {url}")

    assert len(hidden) == 3
    assert not any(value in text for value in hidden)
    assert "cat.jpg?" in text
    assert "Expires=" in text


def test_parameters_of_addresses(subtests: pytest.Subtests) -> None:
    """The parameters that other signers use, however the address is spelled; the names stay."""
    for text, redacted in [
        ("/k?Expires=1&Signature={}&Key-Pair-Id={}", "/k?Expires=1&Signature=***&Key-Pair-Id=***"),
        ("/k?Policy={}~__&x=1", "/k?Policy=***&x=1"),
        (
            "/k?GoogleAccessId=a@b.c&X-Goog-Signature={}",
            "/k?GoogleAccessId=***&X-Goog-Signature=***",
        ),
        ("/c?sv=2024&sig={}%3D", "/c?sv=2024&sig=***"),
        ("/k?x-amz-security-TOKEN={}", "/k?x-amz-security-TOKEN=***"),
        ("/app#access_token={}&token_type=bearer", "/app#access_token=***&token_type=bearer"),
        ("/k?a=1&amp;Signature={}&amp;b=2", "/k?a=1&amp;Signature=***&amp;b=2"),
        ("/k?a=1\\u0026Signature={}\\u0026b=2", "/k?a=1\\u0026Signature=***\\u0026b=2"),
        ("/k?a=1;token={};b=2", "/k?a=1;token=***;b=2"),
        ("/k?user[password]={}", "/k?user[password]=***"),
        ("/k?user%5Bpassword%5D={}", "/k?user%5Bpassword%5D=***"),
        ("/k?Signature={}...", "/k?Signature=***..."),
        ("(see /k?Signature={})", "(see /k?Signature=***)"),
        ("'/k?Signature={}'", "'/k?Signature=***'"),
    ]:
        with subtests.test(text=text):
            assert redact(text.replace("{}", SECRET)) == redacted


def test_address_within_an_address(subtests: pytest.Subtests) -> None:
    """An address may be the parameter of another, in which it is encoded, and so on."""
    for times in [0, 1, 2, 3]:
        for name in [name for name in (*NAMES, *SHORT_NAMES, *NAMES_IN_QUERIES) if " " not in name]:
            with subtests.test(times=times, name=name):
                parameter = name.replace("-", "_")
                query = f"https://h/?a=1&{parameter}={SECRET}&b=2"
                for _ in range(times):
                    query = f"https://h/?to={quote(query, safe='')}"

                text = redact(f"Forbidden for url: {query}")

                assert SECRET not in text
                assert parameter in text
                assert text.endswith("2")


def test_passwords_in_addresses(subtests: pytest.Subtests) -> None:
    for text, redacted in [
        ("http://ann:{}@127.0.0.1:80/k", "http://ann:***@127.0.0.1:80/k"),
        ("postgresql+psycopg://ann:p@{}@db/x", "postgresql+psycopg://ann:***@db/x"),
        ("redis://:{}@h:6379/0", "redis://:***@h:6379/0"),
        ("http://ann:p/{}@db.example.com/x", "http://ann:***@db.example.com/x"),
        ("http://ann:p@ss/{}@db.example.com", "http://ann:***@db.example.com"),
        ("http://ann:p?{}@db.example.com", "http://ann:***@db.example.com"),
        ("https://{}@sentry.example/1", "https://***@sentry.example/1"),
        ("mongodb://ann:{}@h1:27017,h2:27017/x", "mongodb://ann:***@h1:27017,h2:27017/x"),
        ("no route to ann:{}@db:5432", "no route to ann:***@db:5432"),
        ("dsn=ann:{}@db:5432", "dsn=ann:***@db:5432"),
        ("//ann:{}@db/x", "//ann:***@db/x"),
        ("http://ann:{}@[::1]:80/", "http://ann:***@[::1]:80/"),
        ("?to=http%3A%2F%2Fann%3A{}%40h%2F", "?to=http%3A%2F%2Fann%3A***%40h%2F"),
        ("http://ann:{}", "http://ann:***"),  # cut
    ]:
        with subtests.test(text=text):
            assert redact(text.replace("{}", SECRET)) == redacted


# ---------------------------------------------------------------- other texts


def test_credentials_elsewhere(subtests: pytest.Subtests) -> None:
    for text, redacted in [
        (
            "{'Authorization': 'Bearer {}', 'Accept': 'x'}",
            "{'Authorization': '***', 'Accept': 'x'}",
        ),
        ('{"x-api-key":"{}"}', '{"x-api-key":"***"}'),
        ('"{\\"token\\": \\"{}\\", \\"a\\": 1}"', '"{\\"token\\": \\"***\\", \\"a\\": 1}"'),
        ("{'Cookie': [b'{}', b'{}']}", "{'Cookie': [***]}"),
        ("{'secret': {'a': {'b': '{}'}, 'c': '{}'}}", "{'secret': {***}}"),
        ('{"password": "a\\"{}"}', '{"password": "***"}'),
        ("[(b'authorization', b'Basic {}')]", "[(b'authorization', b'***')]"),
        ("&quot;token&quot;:&quot;{}&quot;", "&quot;token&quot;:&quot;***&quot;"),
        ("{'SecretAccessKey': '{}', 'Version': 1}", "{'SecretAccessKey': '***', 'Version': 1}"),
        ("<SessionToken>{}</SessionToken>", "<SessionToken>***</SessionToken>"),
        ("aws_secret_access_key = {}\nregion = x", "aws_secret_access_key = ***\nregion = x"),
        ("AccountKey={}==;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        ("login failed, password: {}", "login failed, password: ***"),
        ("login failed, password: swordfish", "login failed, password: ***"),
        ("CREATE USER a IDENTIFIED BY '{}'", "CREATE USER a IDENTIFIED BY '***'"),
        ("wrong password '{}' of ann", "wrong password '***' of ann"),
        ("host=db password={} dbname=x", "host=db password=*** dbname=x"),
        ("&lt;Token&gt;{}&lt;/Token&gt;", "&lt;Token&gt;***&lt;/Token&gt;"),
        ("?token%20=%20{}&a=1", "?token%20=%20***&a=1"),
        ("?token[]={}&__token__={}", "?token[]=***&__token__=***"),
        ("curl -u ann:{} https://h", "curl -u ann:*** https://h"),
        ("['curl', '--user', 'ann:{}']", "['curl', '--user', 'ann:***']"),
        ("key sk-proj-{}{}", "key ***"),
        ("mount --password {} /mnt", "mount --password *** /mnt"),
        ("['curl', '--token', '{}', 'h']", "['curl', '--token', '***', 'h']"),
        ("['curl', '-H', 'Authorization: Bearer {}']", "['curl', '-H', 'Authorization: ***']"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential={}/x, SignedHeaders=host, Signature={}",
            "Authorization: ***, SignedHeaders=host, Signature=***",
        ),
        ("Invalid header value b'{}\\n'", "Invalid header value b'***'"),
        ("it says Bearer {}.", "it says Bearer ***"),
        (f"got eyJhbGciOiJI.eyJzdWIiOiIx.{SECRET}", "got ***"),
        ("got ghp_{}{}", "got ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "***"),
        ("https://hooks.slack.com/services/T0/B0/{}", "https://hooks.slack.com/services/***"),
        (
            "https://x.webhook.office.com/webhookb2/1f-2e@3d/IncomingWebhook/{}/9c: 404",
            "https://x.webhook.office.com/webhookb2/1f-2e@3d/IncomingWebhook/***: 404",
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n{}\n-----END PGP PRIVATE KEY BLOCK-----", "***"),
        ("got dckr_pat_{}, hvs.{}, glrt-{}", "got ***, ***, ***"),
        ("tokens=['{}'], api_keys={'a': '{}'}", "tokens=[***], api_keys={***}"),
        ("secrets: {}; AWS_SECRET_ACCESS_KEYS={}", "secrets: ***; AWS_SECRET_ACCESS_KEYS=***"),
        ("secret={'a': ') }{}'}, b=1", "secret={***}, b=1"),
        (
            "COPY t ACCESS_KEY_ID 'A' SECRET_ACCESS_KEY '{}' SESSION_TOKEN '{}' REGION 'x'",
            "COPY t ACCESS_KEY_ID '***' SECRET_ACCESS_KEY '***' SESSION_TOKEN '***' REGION 'x'",
        ),
        ('Authorization: Digest username="a", response="{}"\nX: y', "Authorization: ***\nX: y"),
        ('Authorization: Digest qop=auth, response="{}"', "Authorization: ***"),
        ("?to=arn%3Aaws%3As3%3A%3A%3Ab%26token%3D{}", "?to=arn%3Aaws%3As3%3A%3A%3Ab%26token%3D***"),
        ("Cookie: a={}; b={}", "Cookie: ***"),
        ("?to=x%2FIncomingWebhook%2F{}%2F9c&a=1", "?to=x%2FIncomingWebhook%2F***&a=1"),
        ("tokens['ann'] = '{}'", "tokens['ann'] = '***'"),
        ("CREATE LOGIN ann WITH PASSWORD = N'{}'", "CREATE LOGIN ann WITH PASSWORD = N'***'"),
        (
            "IDENTIFIED WITH mysql_native_password BY '{}'",
            "IDENTIFIED WITH mysql_native_password BY '***'",
        ),
        ("SECRET_ACCESS_KEY\n  '{}'", "SECRET_ACCESS_KEY\n  '***'"),
        ("userpass={} DB_PWD={}", "userpass=*** DB_PWD=***"),
        ("scott/{}@db:1521/ORCL", "scott/***@db:1521/ORCL"),
        ("jdbc:oracle:thin:scott/{}@//db:1521/x", "jdbc:oracle:thin:scott/***@//db:1521/x"),
        (
            "Incorrect API key provided: {}. See https://h",
            "Incorrect API key provided: ***. See https://h",
        ),
        ("Wrong access key '{}'", "Wrong access key '***'"),
        ('Token "{}" is invalid', 'Token "***" is invalid'),
        ("Token 'swordfish' has been revoked", "Token '***' has been revoked"),
        ("The access token 'swordfish' has expired", "The access token '***' has expired"),
        ('refresh_token "fish" was not found', 'refresh_token "***" was not found'),
        ("Access token 'fish' expired", "Access token '***' expired"),
        ("Invalid api key 'fish'", "Invalid api key '***'"),
        ("API key 'fish' is not authorized", "API key '***' is not authorized"),
        ("no such JWT '{}'", "no such JWT '***'"),
        # Python
        ("os.environ['AES_KEY'] = '{}'", "os.environ['AES_KEY'] = '***'"),
        ("Upload(session_token=UUID('{}'), size=3)", "Upload(session_token=UUID(***), size=3)"),
        ("{'token': SecretStr('{}'), 'a': 1}", "{'token': SecretStr(***), 'a': 1}"),
        ("Config(api_key=Secret(value=b'{}', n=(1, 2)), a=1)", "Config(api_key=Secret(***), a=1)"),
        ("password=models.Secret(np.str_('a)b{}'), 1) x", "password=models.Secret(***) x"),
        ("{\\'token\\': UUID(\\'{}\\')}", "{\\'token\\': UUID(***)}"),
        ("token=abc({}) b", "token=***) b"),
        # elements
        (
            '<wsse:Password Type="x">{}</wsse:Password>',
            '<wsse:Password Type="x">***</wsse:Password>',
        ),
        (
            "<a:secret x='1'\n y='2' >{}</a:secret>",
            "<a:secret x='1'\n y='2' >***</a:secret>",
        ),
        ('<token a=\\"b\\">{}</token>', '<token a=\\"b\\">***</token>'),
        (
            "&lt;Password Type=&quot;x&quot;&gt;{}&lt;/Password&gt;",
            "&lt;Password Type=&quot;x&quot;&gt;***&lt;/Password&gt;",
        ),
        ("<Password><![CDATA[{}]]></Password>", "<Password><![CDATA[***]]></Password>"),
        ('<token a="b"/><x>y</x>', '<token a="b"/><x>y</x>'),
        ("password: !!str {}\nuser: a", "password: ***\nuser: a"),
        ("SECRET_KEY_BASE={} PRIVATE_KEY_PEM={}", "SECRET_KEY_BASE=*** PRIVATE_KEY_PEM=***"),
    ]:
        with subtests.test(text=text):
            assert redact(text.replace("{}", SECRET)) == redacted


def test_keys_of_algorithms_and_services(subtests: pytest.Subtests) -> None:
    for spelling in ["{}={}", "{}: {}", "'{}': '{}'", "?a=1&{}={}", "--{} {}"]:
        for name in [
            *("DECRYPTION_KEY", "FERNET_KEY", "OPENAI_KEY", "SENDGRID_KEY", "AES_KEY", "JWT_KEY"),
            *(
                "SSH_KEY",
                "HMAC_KEY",
                "GOOGLE_MAPS_KEY",
                "stripe-key",
                "tls.key",
                "openaiKey",
                "MyAesKey",
            ),
            *("MY_RSA_KEYS", "AES_KEY_HEX", "DEPLOY_KEY_2"),
        ]:
            with subtests.test(spelling=spelling, name=name):
                assert redact(spelling.format(name, "swordfish")) == spelling.format(name, "***")


def test_names_and_values_in_fields_of_their_own(subtests: pytest.Subtests) -> None:
    for text, redacted in [
        # Amazon ECS, Systems Manager, CloudFormation, tags
        (
            "[{'name': 'DB_PASSWORD', 'value': '{}'}, {'name': 'MODE', 'value': 'fast'}]",
            "[{'name': 'DB_PASSWORD', 'value': '***'}, {'name': 'MODE', 'value': 'fast'}]",
        ),
        (
            "{'Name': '/db/url', 'Type': 'SecureString', 'Value': '{}', 'Version': 1}",
            "{'Name': '/db/url', 'Type': 'SecureString', 'Value': '***', 'Version': 1}",
        ),
        (
            "{'Name': '/db/password', 'Type': 'String', 'Value': '{}'}",
            "{'Name': '/db/password', 'Type': 'String', 'Value': '***'}",
        ),
        (
            '{"ParameterKey": "DbPassword", "ParameterValue": "{}"}',
            '{"ParameterKey": "DbPassword", "ParameterValue": "***"}',
        ),
        ('[{"Key":"api_token","Value":"{}"}]', '[{"Key":"api_token","Value":"***"}]'),
        (
            '{\\"name\\": \\"TOKEN\\", \\"value\\": \\"{}\\"}',
            '{\\"name\\": \\"TOKEN\\", \\"value\\": \\"***\\"}',
        ),
        ("{'value': '{}', 'name': 'TOKEN'}", "{'value': '***', 'name': 'TOKEN'}"),
        ("{'name': 'AWS_SECRET', 'value': ['{}']}", "{'name': 'AWS_SECRET', 'value': [***]}"),
        (
            "{'name': 'OPENAI_KEY', 'value': UUID('{}')}",
            "{'name': 'OPENAI_KEY', 'value': UUID(***)}",
        ),
        (
            "[Variable(name='TOKEN', value='{}'), Variable(name='MODE', value='fast')]",
            "[Variable(name='TOKEN', value='***'), Variable(name='MODE', value='fast')]",
        ),
        # XML, HTML and YAML
        (
            '<property name="hibernate.connection.password">{}</property>',
            '<property name="hibernate.connection.password">***</property>',
        ),
        ('<entry key="password">{}</entry>', '<entry key="password">***</entry>'),
        ('<add key="Password" value="{}"/>', '<add key="Password" value="***"/>'),
        ('<input value="{}" name="password">', '<input value="***" name="password">'),
        (
            '<add key="Password" a="b"/><add key="Mode" value="fast"/>',
            '<add key="Password" a="b"/><add key="Mode" value="fast"/>',
        ),
        (
            "<name>fs.s3a.secret.key</name>\n <value>{}</value><name>a</name><value>b</value>",
            "<name>fs.s3a.secret.key</name>\n <value>***</value><name>a</name><value>b</value>",
        ),
        (
            "- name: DB_PASSWORD\n  value: {}\n- name: MODE\n  value: fast",
            "- name: DB_PASSWORD\n  value: ***\n- name: MODE\n  value: fast",
        ),
    ]:
        with subtests.test(text=text):
            assert redact(text.replace("{}", SECRET)) == redacted


def test_passwords_on_command_lines(subtests: pytest.Subtests) -> None:
    """As the exceptions of ``subprocess`` show them; ``-p`` means something else elsewhere."""
    for command, redacted in [
        (
            "['aws', 'configure', 'set', 'aws_secret_access_key', '{}']",
            "'aws_secret_access_key', '***']",
        ),
        ("['npm', 'config', 'set', '//r/:_authToken', '{}']", "'//r/:_authToken', '***']"),
        ("aws configure set aws_secret_access_key {}", "aws_secret_access_key ***"),
        ("['sshpass', '-p', '{} {}', 'scp', 'a']", "'-p', '***', 'scp', 'a']"),
        ("['7z', 'x', '-p{} {}', 'a.7z']", "'-p***', 'a.7z']"),
        ("7z x -p{} a.7z", "-p*** a.7z"),
        ("/usr/bin/mysql -u root -p{} shop", "-p*** shop"),
        ("unzip -P {} a.zip", "-P *** a.zip"),
        ("['docker', 'login', '-p', '{}', 'h']", "'-p', '***', 'h']"),
        ("sqlplus -s scott/{}@ORCL @/opt/a/b.sql", "scott/*** @/opt/a/b.sql"),
        ("mkdir -p {} && docker run -p 80:80", "mkdir -p {} && docker run -p 80:80"),
    ]:
        with subtests.test(command=command):
            message = f"Command '{command}' returned non-zero exit status 2."

            text = redact(message.replace("{}", SECRET))

            expected = f"{redacted}' returned non-zero exit status 2."
            assert text.endswith(expected.replace("{}", SECRET))


def test_text_without_credentials_stays(subtests: pytest.Subtests) -> None:
    """Words that merely look like names of credentials are needed to understand a failure."""
    for text in [
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf is not yours",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf:password:AWSCURRENT:",
        "arn%3Aaws%3Asecretsmanager%3Aeu-west-1%3A123456789012%3Asecret%3Aprod",
        "0x80 @ 12:30@x",
        "pin=17, sid=5, pass=2, cookies: disabled",
        "prompt_tokens: 1015, secrets: 3, total_tokens=4,096",
        "photos/cat@2x.png and a/b@example.com",
        "ExpiredToken: The provided token has expired",
        "AuthorizationHeaderMalformed: The authorization header is malformed; the region is wrong",
        "password: Field required; token: expected text, got a number",
        "KeyError: 'token'",
        "Unexpected token '<' in JSON, secret 'thumbnails' not found",
        "key=photos/2024/IMG_0001.jpg in bucket=b",
        "https://h/?key=photos/IMG_0001_1024.jpg&code=404",
        "design=blue, max_tokens=100, token_type=bearer, passed: 3",
        "http://localhost:8000/k, http://[::1]:80/k, http://{host}:{port}/, http://host:port",
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/x/a:b@c",
        "public.ecr.aws/x:latest@sha256:0123456789abcdef",
        "write to ann@example.com, or mailto:ann@example.com; git@github.com:a/b",
        "token=None, password='', secret={}",
        "PARTITION_KEY=ann#17 SORT_KEY=2024 PRIMARY_KEY=id S3_KEY=a/b1.jpg FOREIGN_KEY=ann_id",
        "OBJECT_KEY=IMG20240101a CACHE_KEY=9f86d081884c7d65 PUBLIC_KEY=a KMS_KEY=alias/a",
        "routing_key=a, idempotency_key=b, nodes_key=c, cannot decrypt key: a/b.jpg",
        "ssl_key=/etc/ssl/a, 'ssh_key': '~/.ssh/id_rsa', --tls-key=a.pem",
        "rsa_key_size=2048, ssh_key_path=/a, FERNET_KEY is missing, aws_key_pair=a",
        "{'name': 'photos', 'value': 'cat'}, {'Key': 'token', 'Other': 'a'}, {'Value': 'cat'}",
        "{'Name': 'max_tokens', 'Value': 4096}, {'Key': 'k', 'Value': 'password'}",
        "{'name': 'password'}, {'value': 'cat'}; the value: a token, the value 'cat'",
        "Value ('***') for password, value=cat name=dog",
        "Unexpected token 'IMG20240101a', invalid token 'cat', Token '<' is invalid",
        "the continuation token 'page-2-of-30' is invalid",
        "secret 'prod/database-1' not found, api key 'thumbnails' of the stage",
        "token Type='a', token a=b > c, <token/> <password a='b'/> cat",
        '<a name="password">cat</a> <input name="password"> cat',
        "column name: token, value: 17; host key 'example.com' is not known",
        "the primary key 'cat-2024-a' is unknown; no token 'cat' was found",
    ]:
        with subtests.test(text=text):
            assert redact(text) == text


_PARTS = ("token", "key", "auth", "ann:", "=", ":", "%3D", "%26", "&", "?", "'", '"', "\\", "@")
_PAIRS = ("value", "name", "UUID(", "<![CDATA[", " is invalid", "api key", "key=")
_MORE = ("://", "/", "[", "}", "(", " ", ",", ";", "***", "İ", "\n", "--password", "<", ">", SECRET)


@given(st.lists(st.sampled_from([*_PARTS, *_PAIRS, *_MORE]), max_size=12).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """A text goes through several hands: the function, the engine, the command line."""
    once = redact(text)

    assert redact(once) == once


@pytest.mark.slow
def test_time_grows_no_faster_than_the_text(subtests: pytest.Subtests) -> None:
    """A message may be made to keep us busy. Measured in processor time, two lengths compared."""
    for part in [
        *("token=", "xpass=", "?key=", "?key=a1", "http://a:", "'token': '", "token=[", "--", "@:"),
        *(
            "eyJ",
            "%3A%2F%2Fa%3A",
            "cookie: ",
            "password: a ",
            "[({",
            "&quot;token",
            "Bearer ",
            "\\",
        ),
        *(
            "input_value=",
            "; given=",
            "token=%26",
            "\nOn instance",
            "bot1:",
            "token,b",
            "://",
            "a:b@",
        ),
        *(
            "'loc': 'msg' 'input': (",
            "'loc': 'msg','[key]'",
            " is not of type '",
            "\\'",
            "Key (a)=(",
        ),
        *(
            "sshpass -p",
            "mysql ",
            "arn:a:a:a:a",
            "a/a@a:1521",
            'Authorization: A b="c",',
            "tokens=1",
        ),
        *("/IncomingWebhook/", "config set token", "'a' must be <", "Value '", "secret=['"),
        *("value=", "name='a', value='", "<token a='b'", " a='b'", "api key 'a", "token=a("),
        *("'name':'token','value':", "<name>token</name>", "<value>", "aes_key", "token=a(b="),
        *("host 'a", "host 'a@", "server at 'a'@"),
        *("; 'a' does not match '^a'", "['a", "[{", ";'a' is too long", "Key a error:\n'a' ("),
        *(") did not validate ", "A(", "]: 'a", " to numeric", " cannot be cast to bool", ": a("),
        *("'a:", "adding `", "Invalid value '", "JSON. Input: ", "Could not convert ", "a\n"),
        *("must be <class 'a'> (got ", "Failed schema validation. Error: ", "\nDETAIL: ", "'"),
    ]:
        with subtests.test(part=part):

            def seconds(length: int) -> float:
                text = part * (length // len(part))
                began = time.process_time()
                redact(text)
                return time.process_time() - began

            seconds(1_000)  # compiles the patterns
            short = min(seconds(20_000) for _ in range(3))

            assert min(seconds(320_000) for _ in range(2)) < 16 * 5 * max(short, 0.001)


# ---------------------------------------------------------------- exceptions that repeat input


class Account(pydantic.BaseModel):
    name: str
    pin: int
    kind: Literal["a", "b"] = "a"


def error_of(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_pydantic_is_described_without_input() -> None:
    """Which fields are wrong, and how, but not what was there."""
    error = error_of(lambda: Account.model_validate({"name": [SECRET], "pin": SECRET}))

    assert redacted_text(error) == (
        "2 validation errors for Account: name: Input should be a valid string; "
        "pin: Input should be a valid integer, unable to parse string as an integer"
    )


def test_pydantic_with_many_problems() -> None:
    error = error_of(lambda: pydantic.TypeAdapter(list[int]).validate_python([SECRET] * 1000))

    text = redacted_text(error)

    assert text.startswith("1000 validation errors for list[int]: [0]: Input should be")
    assert text.endswith("; and 995 more")


def test_tag_of_a_union_is_input() -> None:
    class Cat(pydantic.BaseModel):
        kind: Literal["cat"]

    class Dog(pydantic.BaseModel):
        kind: Literal["dog"]

    class Owner(pydantic.BaseModel):
        pet: Cat | Dog = pydantic.Field(discriminator="kind")

    error = error_of(lambda: Owner.model_validate({"pet": {"kind": SECRET}}))

    assert SECRET in str(error)
    assert SECRET not in redacted_text(error)
    assert SECRET not in redact(str(error))


def test_version_1_of_pydantic() -> None:
    class Old(pydantic.v1.BaseModel):
        kind: Literal["a"]
        pin: int

    error = error_of(lambda: Old.parse_obj({"kind": SECRET, "pin": SECRET}))

    assert SECRET in str(error)
    assert SECRET not in redact(str(error))
    assert redacted_text(error).startswith("2 validation errors for Old: kind: ")
    assert SECRET not in redacted_text(error)


def test_text_of_pydantic_within_another_text() -> None:
    """As in ``raise LoadError(f"cannot load: {error}") from error``."""
    error = error_of(lambda: Account.model_validate({"name": "x", "pin": f"{SECRET}, \n {SECRET}"}))

    text = redact(f"cannot load: {error}")

    assert SECRET not in text
    assert "input_value=***, input_type=str" in text


def test_problems_of_pydantic_within_another_text(subtests: pytest.Subtests) -> None:
    """As in ``raise PermanentFailure(f"cannot load: {error.errors()}")``."""
    spellings: list[Callable[[Any], str]] = [
        lambda error: str(error.errors()),
        lambda error: str(error.errors(include_url=False)),
        lambda error: error.json(),
        lambda error: error.json(indent=2),
        lambda error: repr(str(error.errors())),
        lambda error: json.dumps({"errorMessage": error.json()}),
    ]
    for value in [
        SECRET,
        f"it's \"{SECRET}\", 'ctx': }}]",
        [{"a": [{"b": "}]"}], "c": SECRET}],
        (1, dt.date(2024, 1, 1), SECRET),
        {SECRET: b"'" + SECRET.encode()},
    ]:
        for quoted in spellings:
            with subtests.test(value=value, quoted=quoted):
                error = error_of(
                    lambda: Account.model_validate({"name": "x", "pin": value, "kind": value})
                )

                text = redact(f"cannot load: {quoted(error)}")

                assert SECRET not in text
                assert "pin" in text
                assert text.count("Input should be") == 2


def test_key_of_a_dictionary_is_input_if_it_is_wrong() -> None:
    class Bill(pydantic.BaseModel):
        cards: dict[int, int]

    error: Any = error_of(lambda: Bill.model_validate({"cards": {f"{SECRET}.1": 1}}))

    assert redacted_text(error).startswith(
        "1 validation error for Bill: cards.***.[key]: Input should"
    )
    for text in (str(error), str(error.errors()), error.json(), error.json(indent=2)):
        assert SECRET in text
        assert SECRET not in redact(text)
        assert "cards" in redact(text)


def test_problems_of_version_1_of_pydantic() -> None:
    class Old(pydantic.v1.BaseModel):
        kind: Literal["a"]

    error: Any = error_of(lambda: Old.parse_obj({"kind": SECRET}))

    for text in (str(error.errors()), error.json()):
        assert SECRET in text
        assert SECRET not in redact(text)


def test_parameters_of_botocore() -> None:
    """The names of the parameters that are wrong, not their values: one may be a customer's key."""
    client: Any = boto3.client("s3", region_name="us-east-1")
    error = error_of(lambda: client.put_object(Bucket="b", Key="k", ContentType={"a": SECRET}))

    text = redacted_text(error)

    assert SECRET not in text
    assert "Invalid type for parameter ContentType, value: ***, type: <class 'dict'>" in text


def test_input_that_other_libraries_quote(subtests: pytest.Subtests) -> None:
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
    """The field, the type and the problem stay, so that the message says what failed."""
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
            "invalid input for query argument $1: '{}' ('str' object is no integer)",
            "invalid input for query argument $1: *** ('str' object is no integer)",
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
    """Such a message names no field: without the argument it does not say what failed."""
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


def test_password_that_splits_an_address(subtests: pytest.Subtests) -> None:
    """What is before a "/" looks like a port."""
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
    """Python reads a password with a "%" as a template; the name of the option stays."""
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


def test_discriminator_of_version_1_of_pydantic() -> None:
    class Cat(pydantic.v1.BaseModel):
        kind: Literal["cat"]

    class Dog(pydantic.v1.BaseModel):
        kind: Literal["dog"]

    class Owner(pydantic.v1.BaseModel):
        pet: Cat | Dog = pydantic.v1.Field(discriminator="kind")

    Owner.update_forward_refs(Cat=Cat, Dog=Dog)

    error = error_of(lambda: Owner.parse_obj({"pet": {"kind": SECRET}}))

    assert SECRET not in redact(str(error.errors()))  # type: ignore[attr-defined]
    for text in (redacted_text(error), redact(str(error))):
        assert SECRET not in text
        assert "No match for discriminator 'kind' and value *** (allowed values: 'cat'" in text


def test_error_of_schema() -> None:
    """Its class tells that the words are its own."""

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
    """By its own words, by the other lines of its text, or by the cause that is attached."""
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


def test_input_that_is_longer_than_what_is_read() -> None:
    """What tells that it is input may come after it."""
    text = f"bad: {[SECRET] * 100} is not of type 'integer'"

    assert redact(text, 500) == "bad: *** is not of type 'integer'"


def test_exception_with_words_of_its_own_keeps_them() -> None:
    """Somebody who writes a ``__str__`` knows what is to be read."""

    class Mine(configparser.ParsingError):
        @override
        def __str__(self) -> str:
            return "mine"

    assert redacted_text(Mine("x")) == "mine"


# ---------------------------------------------------------------- tracebacks


def logged(error: BaseException) -> str:
    """Return what logging makes of an exception."""
    shown = redact_exception(error)
    return logging.Formatter().formatException((type(shown), shown, shown.__traceback__))


def raised(error: Exception, *, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_exception_without_secrets_is_logged_itself() -> None:
    """So that what watches log records still finds its class and its attributes."""
    error = raised(ValueError("too dark"), cause=raised(KeyError("k")))

    assert redact_exception(error) is error


def test_traceback_has_no_secrets() -> None:
    """In causes, contexts, notes, groups and lines of a syntax error; all else is as it was."""
    pydantic_error = error_of(lambda: Account.model_validate({"name": "x", "pin": SECRET}))
    syntax_error = error_of(lambda: compile(f"token='{SECRET}' x", "a.py", "exec"))
    context = ValueError(f"?token={SECRET}")
    context.__context__ = syntax_error
    group = ExceptionGroup(f"token={SECRET}", [pydantic_error, raised(context), OSError("fine")])
    error = raised(RuntimeError(f"http://ann:{SECRET}@h/"), cause=group)
    error.add_note(f"password={SECRET}")

    text = logged(error)

    assert SECRET in "".join(traceback.format_exception(error))
    assert SECRET not in text
    assert "in raised" in text
    assert "RuntimeError: http://ann:***@h/\npassword=***" in text
    assert "ExceptionGroup: token=*** (3 sub-exceptions)" in text
    assert "pydantic_core._pydantic_core.ValidationError: 1 validation error for Account" in text
    assert "ValueError: ?token=***" in text
    assert "OSError: fine" in text
    assert "direct cause" in text


def test_circles_end() -> None:
    first, second = ValueError(f"token={SECRET}"), ValueError("b")
    first.__context__, second.__context__ = second, first

    assert SECRET not in logged(first)


def test_group_that_contains_itself_ends() -> None:
    class Circle(ExceptionGroup[Exception]):
        @property
        @override
        def exceptions(self) -> tuple[Any, ...]:
            return (self, ValueError(f"token={SECRET}"))

    assert SECRET not in logged(Circle("a", [ValueError()]))


def test_huge_exception_is_cut_in_the_log() -> None:
    assert len(logged(raised(ValueError("x" * 10_000_000)))) < 10_000


def test_exception_without_a_text_is_logged_with_its_traceback() -> None:
    class HostileError(Exception):
        @override
        def __str__(self) -> str:
            raise RuntimeError("no")

    text = logged(raised(HostileError()))

    assert "HostileError: (its text cannot be shown)" in text
    assert "in raised" in text
