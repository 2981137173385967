"""The AWS services that ``s3batch job`` calls, in AWS or at another endpoint."""

from __future__ import annotations

import errno
from contextlib import suppress
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Final

import click

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli._options import endpoint_url_option, profile_option
from s3batch_handler.cli.job._stack_outputs import StackOutputs
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.core._errors import JobError
from s3batch_handler.jobs._arns import region_of_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from s3batch_handler.cli.doctor._connection import Connection
    from s3batch_handler.jobs._control import S3Control, SupportsDescribeJob
    from s3batch_handler.jobs._job import Job, JobSpec


def _aws() -> ModuleType:
    """Import boto3 when it is needed: that is slow."""
    from s3batch_handler.jobs import _aws_clients

    return _aws_clients


def _control(client: Any, account_id: str) -> S3Control:
    """Create a job control when it is needed: importing the models of jobs is slow."""
    from s3batch_handler.jobs._control import S3Control

    return S3Control(client, account_id=account_id)


class AwsServices:
    """S3 Control, S3, STS, Lambda and CloudFormation of one account in one Region."""

    def __init__(
        self,
        *,
        endpoint_url: str | None = None,
        account_id: str | None = None,
        profile: str | None = None,
        region: str | None = None,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._account_id = account_id
        self._profile = profile
        self._region = region

    @cached_property
    def control(self) -> S3Control:
        return _control(self._s3control, self.account_id)

    def tags_of(self, job_id: str) -> dict[str, str]:
        """Return the tags of a job; none if they cannot be read.

        The permission to describe a job does not include the permission to read its tags.
        """
        with suppress(JobError):
            return self.control.get_job_tagging(job_id)
        return {}

    def watching(
        self, retry_for: float, on_headers: Callable[[Mapping[str, str]], None]
    ) -> SupportsDescribeJob:
        """Return a control whose requests end soon, for a caller that retries them.

        ``on_headers`` is called with the HTTP headers of each response.
        """
        read_timeout = max(1.0, min(_READ_TIMEOUT, retry_for))
        return _WatchedJobs(self, read_timeout=read_timeout, on_headers=on_headers)

    def renewed(self) -> AwsServices:
        """Return the services of the same account with the credentials that are configured now."""
        return AwsServices(
            endpoint_url=self._endpoint_url,
            account_id=self._account_id or self.__dict__.get("account_id"),  # if it is known
            profile=self._profile,
            region=self._region,
        )

    def for_job(self, request: Mapping[str, Any]) -> AwsServices:
        """Return the services of the account and the Region of a job.

        They are those of the options and of the configuration, if these name them. Otherwise the
        account is that of ``AccountId``, and the Region that of the function: S3 invokes only
        functions of the job's own Region.
        """
        return AwsServices(
            endpoint_url=self._endpoint_url,
            account_id=self._account_id or request.get("AccountId"),
            profile=self._profile,
            region=self._region or (None if self._region_is_configured() else _region_of(request)),
        )

    def _region_is_configured(self) -> bool:
        try:
            return self._connection["session"].region_name is not None
        except Exception:  # no such profile, no boto3: the first request says so
            return True

    def quick_connection(self) -> Connection:
        """Return a connection for requests that end soon, without an answer if necessary."""
        from s3batch_handler.cli.doctor._connection import Connection

        return Connection(
            profile=self._profile, region=self._region, endpoint_url=self._endpoint_url
        )

    @property
    def options(self) -> list[str]:
        """Return the options of the command line for these services."""
        return [part for option in self.connection.items() for part in option]

    @property
    def connection(self) -> dict[str, str]:
        """Return the options of the command line for these services, with their values."""
        given = {
            "--account-id": self._account_id,
            "--profile": self._profile,
            "--region": self._region,
            "--endpoint-url": self._endpoint_url,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def given_account_id(self) -> str | None:
        """Return the account of ``--account-id``, or of a job file."""
        return self._account_id

    @cached_property
    def account_id(self) -> str:
        """Return the account of the jobs: ``--account-id``, or the account of the credentials."""
        if self._account_id is not None:
            return self._account_id
        account_id: str = _aws().account_id(**self._connection)
        return account_id

    @property
    def region(self) -> str:
        region: str = self._s3control.meta.region_name
        return region

    @property
    def partition(self) -> str:
        """Return the partition of ARNs: ``aws``, ``aws-cn``, …."""
        partition: str = self._s3control.meta.partition
        return partition

    @property
    def poll(self) -> float:
        """Return the seconds between two requests for a status: AWS throttles frequent ones."""
        return _POLL_OF_AWS if _aws().is_aws_endpoint(self._s3control) else _POLL_OF_OTHERS

    def etag(self, location: dict[str, str]) -> str:
        """Return the ETag of an object; ``location`` has arguments of boto3.

        Raises:
            FileNotFoundError: The object does not exist.
        """
        try:
            etag: str = self.s3.head_object(**location)["ETag"]
        except Exception as error:
            if aws_error_code(error) not in _NOT_THERE:
                raise
            url = f"s3://{location['Bucket']}/{location['Key']}"
            raise FileNotFoundError(errno.ENOENT, "no such object", url) from error
        return etag.strip('"')

    def etag_of_manifest(self, spec: JobSpec) -> str:
        """Return the ETag of the manifest of a job."""
        assert spec.manifest is not None
        manifest = spec.manifest.location.object
        version = {} if manifest.version_id is None else {"VersionId": manifest.version_id}
        return self.etag({"Bucket": manifest.bucket, "Key": manifest.key, **version})

    def put(self, path: Path, *, bucket: str, key: str) -> str | None:
        """Upload a file, and return its version ID if the bucket has versions."""
        with path.open("rb") as file:
            version: str | None = self.s3.put_object(Bucket=bucket, Key=key, Body=file).get(
                "VersionId"
            )
        return version

    def stack(self, name: str) -> StackOutputs:
        """Read the outputs of a stack that a job needs.

        Raises:
            InvalidArgument: The stack does not exist, or lacks an output.
        """
        try:
            status, outputs = _aws().describe_stack(name, **self._connection)
        except Exception as error:
            # CloudFormation has no specific error code for a stack that does not exist.
            if aws_error_code(error) != "ValidationError" or "does not exist" not in str(error):
                raise
            raise InvalidArgument(
                f"--stack {name}: this stack does not exist in {self.region}. Check --region"
            ) from error
        return StackOutputs.of_outputs(name, status, outputs)

    def stack_parameters(self, name: str) -> dict[str, str]:
        """Return the parameters of a stack that exists."""
        parameters: dict[str, str] = _aws().stack_parameters(name, **self._connection)
        return parameters

    def description(self, job_id: str) -> Mapping[str, Any]:
        """Return the description of a job, as boto3 returns it."""
        response = self._s3control.describe_job(AccountId=self.account_id, JobId=job_id)
        description: Mapping[str, Any] = response["Job"]
        return description

    def function(self, name: str) -> dict[str, Any]:
        """Return the configuration of a function; empty if it cannot be read.

        The permission to submit a job does not include the permission to read its function.
        """
        configuration: dict[str, Any] = {}
        with suppress(Exception):  # no permission, no such function, no Lambda at this address
            configuration = _aws().function_configuration(name, **self._connection)
        return configuration

    def control_without_retries(
        self, *, read_timeout: float, on_headers: Callable[[Mapping[str, str]], None] | None = None
    ) -> S3Control:
        """Return a control that sends each request once: see :meth:`watching`."""
        once = _aws().without_retries(read_timeout=read_timeout)
        if self._account_id is None and "account_id" not in self.__dict__:
            self.account_id = _aws().account_id(**self._connection, **once)
        client = _aws().s3control_client(**self._connection, **once)
        if on_headers is not None:
            client.meta.events.register(
                "after-call.s3-control",
                lambda http_response, **_: on_headers(http_response.headers),
            )
        return _control(client, self.account_id)

    @cached_property
    def _connection(self) -> dict[str, Any]:
        session = _aws().create_session(profile=self._profile, region=self._region)
        return {"session": session, "endpoint_url": self._endpoint_url}

    @cached_property
    def s3(self) -> Any:
        return _aws().s3_client(**self._connection)

    def s3_for_many(self, connections: int) -> Any:
        """Create a client for so many requests at a time, which retries throttled ones longer."""
        retries = {"mode": "standard", "total_max_attempts": _MANY_ATTEMPTS}
        return _aws().s3_client(
            **self._connection, max_pool_connections=connections, retries=retries
        )

    @cached_property
    def logs(self) -> Any:
        return _aws().aws_client("logs", **self._connection)

    @cached_property
    def _s3control(self) -> Any:
        return _aws().s3control_client(**self._connection)


def _region_of(request: Mapping[str, Any]) -> str | None:
    """Return the Region in the ARN of a job's function, if it has one."""
    invoke = request.get("Operation", {}).get("LambdaInvoke", {})
    return region_of_function(invoke.get("FunctionArn", ""))


class _WatchedJobs:
    """Describes jobs for a caller that retries failed requests.

    The request for the account ID may fail, too, so it is sent when a job is described. Expired
    credentials are loaded again, once: another program may have renewed the file that has them.
    """

    def __init__(
        self,
        services: AwsServices,
        *,
        read_timeout: float,
        on_headers: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._services = services
        self._read_timeout = read_timeout
        self._on_headers = on_headers
        self._control: S3Control | None = None

    def describe_job(self, job_id: str) -> Job:
        try:
            return self._describe(job_id)
        except Exception as error:
            from s3batch_handler.jobs._waiting_steps import has_expired_credentials

            if not has_expired_credentials(error):
                raise
        self._services = self._services.renewed()
        self._control = None
        return self._describe(job_id)

    def _describe(self, job_id: str) -> Job:
        if self._control is None:
            self._control = self._services.control_without_retries(
                read_timeout=self._read_timeout, on_headers=self._on_headers
            )
        return self._control.describe_job(job_id)


_MANY_ATTEMPTS: Final = 10
_READ_TIMEOUT: Final = 20.0  # seconds
_POLL_OF_AWS: Final = 30.0
_POLL_OF_OTHERS: Final = 1.0
_NOT_THERE: Final = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion"}


def service_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of :class:`AwsServices` to a command, which gets one of these."""

    @click.option(
        "--account-id",
        metavar="ID",
        type=_account_id,
        help="AWS account ID.  [default: that of the credentials]",
    )
    @profile_option
    @click.option("--region", metavar="NAME", help="AWS Region of the jobs.")
    @endpoint_url_option("Endpoint to use instead of AWS, such as s3batch serve.")
    @wraps(command)
    def with_services(**options: Any) -> None:
        names = ("endpoint_url", "account_id", "profile", "region")
        services = AwsServices(**{name: options.pop(name) for name in names})
        command(services=services, **options)

    decorated: Callable[..., None] = with_services
    return decorated


def _account_id(value: str) -> str:
    if not (len(value) == 12 and value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is not an account ID: write its 12 digits")
    return value
