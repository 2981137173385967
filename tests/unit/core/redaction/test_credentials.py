"""Credentials in addresses and other texts do not get into reports and logs."""

from __future__ import annotations

import time
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._redaction import redact
from s3batch_handler.core._secret_names import NAMES, NAMES_IN_QUERIES, SHORT_NAMES
from tests.support.redaction import SECRET


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_url_of_boto3(version: str) -> None:
    """With both signature versions; bucket and key are kept."""
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


def test_parameters_of_urls(subtests: pytest.Subtests) -> None:
    """The parameters of other signers, in each encoding of a URL; the names are kept."""
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


def test_url_in_a_parameter_of_a_url(subtests: pytest.Subtests) -> None:
    """It is encoded once more for each level."""
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


def test_passwords_in_urls(subtests: pytest.Subtests) -> None:
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


def test_credentials_in_other_texts(subtests: pytest.Subtests) -> None:
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


def test_names_and_values_in_separate_fields(subtests: pytest.Subtests) -> None:
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
    """As exceptions of ``subprocess`` show them; ``-p`` has other meanings for other programs."""
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
    """Words that are similar to names of credentials help to understand a failure."""
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
def test_redaction_is_idempotent(text: str) -> None:
    """The function, the engine and the command line redact the same text."""
    once = redact(text)

    assert redact(once) == once


@pytest.mark.slow
def test_run_time_is_linear_in_the_length_of_the_text(subtests: pytest.Subtests) -> None:
    """A hostile message must not use up the time. The test compares the CPU time of two lengths."""
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
            short = min(seconds(10_000) for _ in range(3))

            assert min(seconds(80_000) for _ in range(2)) < 8 * 5 * max(short, 0.001)
