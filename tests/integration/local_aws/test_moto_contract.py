"""What this package relies on in moto. With a new version of moto, these tests fail first.

moto's internals have no stability promise: 5.2.5 changed the requests that handlers receive. To
raise the cap in ``pyproject.toml``, install the new version, run these tests, and correct what they
name, here and in the modules of ``MODULES``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import backend_index, mock_aws
from moto.core.base_backend import BackendDict
from moto.core.exceptions import ServiceException
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.parse import default_timestamp_parser
from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import MissingKey, S3ClientError
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.s3control import urls
from moto.s3control.responses import S3ControlResponse
from packaging.requirements import Requirement
from packaging.version import Version
from typing_extensions import override
from werkzeug.test import EnvironBuilder

from s3batch_handler.local_aws._moto_server import _PARSING_MODULE
from tests.support import only_local
from tests.support.package import PACKAGE, modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The modules that may import moto.
MODULES = {
    f"local_aws/{name}.py"
    for name in (
        *("_early_clients", "_folder_bucket", "_moto_server", "_request_check"),
        "_s3control_calls",
    )
}


def relies_on(what: str) -> str:
    return f"moto {metadata.version('moto')} breaks what this package relies on: {what}"


@cache
def client(service: str) -> Any:
    """Create a client once; a client of one ``mock_aws`` also works in the next one."""
    session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service)


@pytest.fixture
def s3() -> Iterator[Any]:
    """Mock S3 with a versioned bucket ``bucket`` that has an object ``k``."""
    with mock_aws():
        client("s3").create_bucket(Bucket="bucket")
        client("s3").put_bucket_versioning(
            Bucket="bucket", VersioningConfiguration={"Status": "Enabled"}
        )
        client("s3").put_object(Bucket="bucket", Key="k", Body=b"content")
        yield client("s3")


def backend() -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


# ---------------------------------------------------------------- the version and the imports


def test_the_installed_version_is_inside_the_cap() -> None:
    """Any other version is untested; the cap ends with the minor version."""
    needs = map(Requirement, metadata.requires("s3batch-handler") or ())
    (specifier,) = {need.specifier for need in needs if need.name == "moto"}
    version = Version(metadata.version("moto"))

    assert version in specifier
    assert Version(f"{version.major}.{version.minor + 1}.0") not in specifier


def test_only_these_modules_import_moto() -> None:
    """An upgrade of moto requires a review of these modules only."""
    assert {path.as_posix() for path in modules() if _names_of_moto(path)} == MODULES


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_imported_name_exists(module: str) -> None:
    """All names that a module imports from moto are there."""
    for source, name in _names_of_moto(module):
        found = hasattr(importlib.import_module(source), name)
        assert found, relies_on(f"{module} imports {name} from {source}")


def _names_of_moto(module: Any) -> list[tuple[str, str]]:
    tree = ast.parse(PACKAGE.joinpath(module).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [
        (getattr(node, "module", None) or alias.name, alias.name)
        for node in imports
        for alias in node.names
    ]
    return [(source, name) for source, name in names if re.match(r"moto\b", source)]


@pytest.mark.slow
def test_the_extra_local_is_enough(tmp_path: Any) -> None:
    """Both servers and ``mock_s3batch`` run with what ``[local]`` installs, and nothing else."""
    (tmp_path / "one").write_bytes(b"1")

    run = subprocess.run(
        [sys.executable, only_local.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


# ---------------------------------------------------------------- signatures

THIS: Any = object()


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        (FakeKey, ("key", b"", DEFAULT_ACCOUNT_ID, "us-east-1"), {"bucket_name": "b"}),
        (S3Backend.create_bucket, (THIS, "b", "us-east-1"), {}),
        (S3ClientError, ("AccessDenied", "text"), {}),
        (MissingKey, ("key",), {}),
        (ServiceException, ("Code", "text"), {}),
        (S3ControlResponse, (), {}),
        (S3ControlResponse.setup_class, (THIS, THIS, "url", {}), {"use_raw_body": True}),
        (S3ControlResponse._get_action, (THIS,), {}),
        (S3ControlResponse._get_action_from_method_and_request_uri, (THIS, THIS), {}),
        (S3ControlResponse.parse_parameters, (THIS, THIS), {}),
        (S3ControlResponse.determine_response_protocol, (THIS, THIS), {}),
        (S3ControlResponse.call_action, (THIS,), {}),
        (S3ControlResponse.serialized, (THIS, THIS), {}),
        (S3ControlResponse._get_param, (THIS, "name", ()), {}),
        (S3ControlResponse._get_params, (THIS,), {}),
        (S3ControlResponse._enrich_response, ({}, ""), {}),
        (DomainDispatcherApplication, (create_backend_app,), {}),
        (create_backend_app, ("s3",), {}),
        (BackendDict.reset, (), {}),
    ],
    ids=lambda each: getattr(each, "__qualname__", None),
)
def test_functions_have_the_expected_signature(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    """The package calls or overrides them with these arguments."""
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError as error:
        pytest.fail(relies_on(f"the arguments of {function.__qualname__}: {error}"))


# ---------------------------------------------------------------- job calls


def test_patterns_and_paths_are_read_with_each_request() -> None:
    """New URLs can be added while clients exist, and their handlers get (request, URL, headers)."""
    seen: list[Any] = []

    def handler(request: Any, url: str, headers: Any) -> Any:
        seen.append((request, url))
        return 200, {}, b"<ListJobsResult/>"

    path = {r"{0}/v20180820/jobs/?$": handler}
    with patch.dict(urls.url_paths, path), mock_aws():
        client("s3control").list_jobs(AccountId=DEFAULT_ACCOUNT_ID, MaxResults=7)

    assert seen, relies_on("the paths of moto.s3control.urls are read with each request")
    ((request, url),) = seen
    assert (request.method, request.path) == ("GET", "/v20180820/jobs"), relies_on("the request")
    assert request.args.getlist("maxResults") == ["7"], relies_on("the query string in args")
    assert request.headers.get("x-amz-account-id") == DEFAULT_ACCOUNT_ID, relies_on("the headers")
    assert url.startswith("https://123456789012.s3-control."), relies_on("the URL of a request")
    copy = type(request)({**request.environ, "REQUEST_METHOD": "PUT"})
    assert (copy.method, copy.get_data()) == ("PUT", b""), relies_on("a request from its environ")
    assert isinstance(urls.url_bases, list), relies_on("moto.s3control.urls.url_bases is a list")
    pattern = re.compile(r"https?://([0-9]+)\.s3-control\.(.+)\.amazonaws\.com")
    known = [pattern for name, pattern in backend_index.backend_url_patterns if name == "s3control"]
    assert pattern in known, relies_on("(name, pattern) in backend_url_patterns")


class Calls(S3ControlResponse):
    """A response whose operation is set, with a job call."""

    def __init__(self) -> None:
        super().__init__()
        self.response_headers = {}

    @override
    def _get_action(self) -> str:
        return "ListJobs"

    @override
    def determine_response_protocol(self, service_model: Any) -> str:
        return str(service_model.protocol)

    def list_jobs(self) -> ActionResult:
        return ActionResult({"Jobs": [], "NextToken": str(self._get_param("MaxResults"))})


class Refusal(ServiceException):
    """An error of a module outside of moto: moto does not search a service of that name."""


def read(query: str = "") -> Calls:
    """Return a request for ListJobs as moto reads it."""
    url = "https://123456789012.s3-control.eu-west-1.amazonaws.com"
    builder = EnvironBuilder("/v20180820/jobs", base_url=url, query_string=query)
    builder.headers["x-amz-account-id"] = DEFAULT_ACCOUNT_ID
    request = Request(builder.get_environ())
    calls = Calls()
    calls.setup_class(request, f"{url}/v20180820/jobs", request.headers, use_raw_body=True)
    return calls


def test_calls_are_read_and_written_with_the_service_model() -> None:
    """``call_action`` calls the method of the operation's name, and writes its result in XML."""
    calls = read("maxResults=7")

    status, _, body = calls.call_action()

    assert calls.region == "eu-west-1", relies_on("the Region in the host")
    assert calls._get_param("AccountId") == DEFAULT_ACCOUNT_ID, relies_on("headers are parameters")
    assert calls._get_param("NextToken", "none") == "none", relies_on("a default for a parameter")
    assert status == 200, relies_on("the status of a result")
    assert "<NextToken>7</NextToken>" in body, relies_on("a result is written in XML")


def test_times_lose_their_time_zone() -> None:
    """They are converted to UTC, so the package adds UTC again."""
    found = default_timestamp_parser("2026-01-02T03:00:00+02:00")

    expected = datetime(2026, 1, 2, 1, tzinfo=UTC).replace(tzinfo=None)
    assert found == expected, relies_on("times are naive, in UTC")


def test_an_error_without_a_shape_is_written_with_a_warning() -> None:
    """Its status is 400; AWS's NoSuchJobException is such an error."""
    calls = read()
    error = Refusal("NoSuchJobException", "no such job")

    with pytest.warns(UserWarning, match="does not match an error shape"):
        status, _, body = calls.serialized(ActionResult(error))

    assert status == 400, relies_on("the status of an error")
    assert "<Code>NoSuchJobException</Code>" in body, relies_on("the code of an error")


def test_the_service_model_is_botocores() -> None:
    """Requests are checked against it."""
    shape = get_service_model("s3control").operation_model("CreateJob").input_shape

    assert shape.serialization["name"] == "CreateJobRequest", relies_on("get_service_model")


# ---------------------------------------------------------------- buckets


class ExternalContent(FakeKey):
    """An object whose content is stored elsewhere."""

    reads = 0

    @property  # type: ignore[explicit-override]  # mypy does not see override on a property setter
    @override
    def value(self) -> bytes:
        self.reads += 1
        return b"elsewhere"

    @value.setter
    def value(self, new_value: bytes) -> None:
        pass

    @property
    @override
    def size(self) -> int:
        return 9

    @property
    @override
    def etag(self) -> str:
        return '"etag"'


def test_objects_can_have_external_content(s3: Any) -> None:
    """Requests use the properties of an object; HEAD and LIST do not read its content."""
    item = ExternalContent("new", b"", DEFAULT_ACCOUNT_ID, "us-east-1", bucket_name="bucket")
    backend().buckets["bucket"].keys.setlist("new", [item])

    head = s3.head_object(Bucket="bucket", Key="new")
    listed = s3.list_objects_v2(Bucket="bucket", Prefix="new")["Contents"][0]

    assert not item.reads, relies_on("HEAD and LIST do not read the content of an object")
    assert head["ContentLength"] == listed["Size"] == 9, relies_on("FakeKey.size")
    assert head["ETag"] == listed["ETag"] == '"etag"', relies_on("FakeKey.etag")
    assert s3.get_object(Bucket="bucket", Key="new")["Body"].read() == b"elsewhere"


@pytest.mark.parametrize("error", [MissingKey("k"), S3ClientError("AccessDenied", "text")])
def test_objects_can_refuse_a_request(s3: Any, error: Any) -> None:
    """An exception of ``response_dict`` is the response to HEAD and GET."""
    with (
        patch.object(FakeKey, "response_dict", property(lambda _: (_ for _ in ()).throw(error))),
        pytest.raises(ClientError) as refused,
    ):
        s3.get_object(Bucket="bucket", Key="k")

    assert refused.value.response["Error"]["Code"] == error.code, relies_on("errors of an object")


def test_objects_and_delete_markers_of_a_bucket(s3: Any) -> None:
    """``keys`` has one item for each key, and a delete marker is not a FakeKey."""
    s3.put_object(Bucket="bucket", Key="gone", Body=b"")
    s3.delete_object(Bucket="bucket", Key="gone")

    items = dict(backend().buckets["bucket"].keys.items())

    assert isinstance(items["k"], FakeKey), relies_on("FakeBucket.keys")
    assert items["k"].value == b"content", relies_on("FakeKey.value")
    assert not isinstance(items["gone"], FakeKey), relies_on("delete markers in FakeBucket.keys")


def test_buckets_have_an_owner(s3: Any) -> None:
    """``bucket_accounts`` has the partition and the account of each bucket."""
    found = s3_backends.bucket_accounts.get("bucket")

    assert found == ("aws", DEFAULT_ACCOUNT_ID), relies_on("S3BackendDict.bucket_accounts")
    bucket = backend().buckets["bucket"]
    for name in ("region_name", "partition", "account_id"):
        assert hasattr(bucket, name), relies_on(f"FakeBucket.{name}")


def test_create_bucket_is_called_on_the_class(s3: Any) -> None:
    """A replacement of ``S3Backend.create_bucket`` gets each CreateBucket."""
    with (
        patch.object(S3Backend, "create_bucket", side_effect=S3ClientError("Called", "")),
        pytest.raises(ClientError) as error,
    ):
        s3.create_bucket(Bucket="another")

    assert error.value.response["Error"]["Code"] == "Called", relies_on("create_bucket is called")


def test_a_reset_removes_everything() -> None:
    """Servers start and end with an empty AWS."""
    backend().create_bucket("before-the-reset", "us-east-1")

    BackendDict.reset()

    assert not backend().buckets, relies_on("BackendDict.reset empties buckets")
    assert not s3_backends.bucket_accounts, relies_on("BackendDict.reset empties bucket_accounts")


# ---------------------------------------------------------------- moto's server


@pytest.mark.parametrize(
    ("path", "scope", "service"),
    [
        ("/b/k", "s3", "s3"),
        ("/b/k", None, "s3"),
        ("/v20180820/jobs", "s3", "s3control"),
        ("/", "sts", "sts"),
        ("/", "ec2", "ec2"),
        ("/moto-api/data.json", None, "moto_api"),
    ],
)
def test_the_server_recognizes_the_service_of_a_request(
    path: str, scope: str | None, service: str
) -> None:
    """It creates the application of each service once, by moto's name."""
    created: list[Any] = []

    def create_app(name: Any) -> Any:
        created.append(name)
        return lambda environ, start_response: []

    environ = EnvironBuilder(path=path).get_environ()
    if scope is not None:
        credential = f"AWS4-HMAC-SHA256 Credential=KEY/20260131/us-east-1/{scope}/aws4_request"
        environ["HTTP_AUTHORIZATION"] = f"{credential}, SignedHeaders=host, Signature=x"

    application: Any = DomainDispatcherApplication(create_app)
    application(environ, lambda *_: None)

    assert created == [service], relies_on("the services of moto's server and their names")


def test_an_unreadable_request_fails_in_a_parsing_module(s3: Any) -> None:
    """The package returns status 400 for exceptions from these modules."""
    environ = EnvironBuilder(path="/bucket", query_string="list-type=2&max-keys=x").get_environ()
    application: Any = create_backend_app("s3")

    with pytest.raises(ValueError, match="invalid literal for int") as error:
        application(environ, lambda *_: None)

    names = [entry.frame.f_globals["__name__"] for entry in error.traceback]
    last = [name for name in names if name.startswith("moto.")][-1]
    assert _PARSING_MODULE.fullmatch(last), relies_on(f"{last} does not read requests")


def test_the_server_reads_paths_when_it_creates_an_application() -> None:
    """Paths that were added before are served, with the same arguments for their handlers."""
    seen: list[Any] = []

    def handler(request: Any, url: str, headers: Any) -> Any:
        seen.append((request.method, url))
        return 200, {}, b"<ListJobsResult/>"

    environ = EnvironBuilder("/v20180820/jobs", base_url="http://127.0.0.1:5000").get_environ()
    with patch.dict(urls.url_paths, {r"{0}/v20180820/jobs/?$": handler}):
        application: Any = create_backend_app("s3control")
        application(environ, lambda *_: None)

    assert seen == [("GET", "http://127.0.0.1:5000/v20180820/jobs")], relies_on("paths of a server")


def test_session_tokens_have_the_access_key_of_the_documentation() -> None:
    """The server of a folder replaces it, because everybody knows it."""
    with mock_aws():
        key = client("sts").get_session_token()["Credentials"]["AccessKeyId"]

    assert key == "AKIAIOSFODNN7EXAMPLE", relies_on("the access key of GetSessionToken")


# ---------------------------------------------------------------- workarounds

# If one of these fails, moto does what S3 does: remove the workaround that the test names.


def test_grants_in_a_body_are_ignored(s3: Any) -> None:
    """So ``engine`` sends grants as headers."""
    owner = {"ID": "owner"}
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": "reader"}, "Permission": "READ"}

    s3.put_object_acl(Bucket="bucket", Key="k", GrantRead="id=reader")
    as_headers = s3.get_object_acl(Bucket="bucket", Key="k")["Grants"]
    s3.put_object_acl(
        Bucket="bucket", Key="k", AccessControlPolicy={"Owner": owner, "Grants": [grant, grant]}
    )
    in_body = s3.get_object_acl(Bucket="bucket", Key="k")["Grants"]

    assert [each["Grantee"]["ID"] for each in as_headers] == ["reader"], relies_on("grant headers")
    assert len(in_body) != 2


def test_an_empty_set_of_tags_is_refused(s3: Any) -> None:
    """So ``engine`` deletes the tags."""
    with pytest.raises(TypeError):
        s3.put_object_tagging(Bucket="bucket", Key="k", Tagging={"TagSet": []})


def test_the_encryption_of_an_object_is_taken_for_its_content(s3: Any) -> None:
    """So ``engine`` tries the call with another key first."""
    encryption = {"SSEKMS": {"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"}}

    s3.update_object_encryption(Bucket="bucket", Key="new", ObjectEncryption=encryption)

    assert s3.list_objects_v2(Bucket="bucket", Prefix="new")["KeyCount"] == 1
