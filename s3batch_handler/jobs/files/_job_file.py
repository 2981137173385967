"""Job files: a job as a file in YAML, TOML or JSON, with the members of CreateJob."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError

from s3batch_handler.core._errors import JobFileError
from s3batch_handler.jobs._arns import KnownAccount
from s3batch_handler.jobs._job import JobSpec
from s3batch_handler.jobs.files._formats import error_of, parse_job_file
from s3batch_handler.jobs.files._members import (
    ACCOUNT_ID,
    MemberReader,
    check_combinations,
    check_profiles,
    problems_of,
    without_consequences,
)
from s3batch_handler.jobs.files._nodes import Node, Problem, Problems
from s3batch_handler.jobs.files._shorthands import (
    MANIFEST,
    check_names,
    completed,
    names_without_arn,
    partition_of,
    value_at,
    with_defaults,
)
from s3batch_handler.jobs.files._variables import substituted, with_profile

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from s3batch_handler.jobs._arns import Account


def read_job_file(
    path: str | os.PathLike[str],
    *,
    variables: Mapping[str, str] = {},
    profile: str | None = None,
) -> JobFile:
    """Read a job file, and check it as CreateJob would.

    Args:
        path: A file in YAML (``.yaml``, ``.yml``), JSON (``.json``) or TOML (``.toml``).
        variables: Values of variables, which take precedence over those of the file.
        profile: The name of one of the ``Profiles`` of the file.

    Raises:
        JobFileError: The file is not valid. The text has the line of each problem.
        OSError: The file cannot be read.
        ModuleNotFoundError: PyYAML is not installed.
    """
    content = parse_job_file(path)
    return job_file_of(content, str(path), variables=variables, profile=profile)


def job_file_of(
    content: Node,
    source: str,
    *,
    variables: Mapping[str, str] = {},
    profile: str | None = None,
    change: Callable[[Node], Node] = lambda members: members,
) -> JobFile:
    """Return the job file with a content.

    Args:
        content: What the file contains.
        source: The path of the file.
        variables: Values of variables.
        profile: The name of a profile.
        change: Changes the members, whose variables are replaced, before they are checked.

    Raises:
        JobFileError: The content is not valid.
    """
    try:
        chosen = with_profile(content, profile)
        node, problems = substituted(content, chosen, variables)
    except Problems as error:
        raise error_of(error.problems, source) from None
    node = change(node)
    reader = MemberReader()
    members = with_defaults(reader.job(node))
    file = JobFile(source, {}, _Content(members, node))
    problems += [*reader.problems, *_account_problems(members), *check_names(members)]
    problems += check_profiles(content, chosen=profile)
    found = [*check_combinations(members)]
    try:
        file.request.update(file.known_request())
    except ValidationError as error:
        found += problems_of(error)
    problems += without_consequences(found, of=problems)
    if problems:
        raise error_of(problems, source, node)
    return file


_ETAG: Final = (*MANIFEST[:-1], "ETag")


class _Content(NamedTuple):
    members: dict[str, Any]
    node: Node


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file whose variables are replaced and whose members are checked.

    Attributes:
        source: The path of the file.
        request: The arguments of boto3's ``create_job``. It lacks what is known only when the job
            is submitted: ``AccountId``, ``ClientRequestToken`` and the ETag of the manifest, unless
            the file has them. Names of functions, and of roles without ``AccountId`` in the file,
            are not completed to ARNs.
    """

    source: str
    request: dict[str, Any]
    _content: _Content

    @property
    def has_etag(self) -> bool:
        """Return whether the file has the ETag of the manifest."""
        return value_at(self._content.members, _ETAG) is not None

    def spec(
        self,
        *,
        account_id: str | None = None,
        region: str | None = None,
        partition: str | None = None,
        etag: str | None = None,
    ) -> JobSpec:
        """Return the spec of the job.

        Args:
            account_id: Needed for names of roles and functions, if the file has no AccountId.
            region: Needed for names of functions.
            partition: The partition of ARNs for names and URLs, such as ``aws-cn``; by default that
                of the first ARN in the file.
            etag: The ETag of the manifest, if the file does not have it.

        Raises:
            JobFileError: An argument is needed, and missing.
        """
        account_id = account_id or self.request.get(ACCOUNT_ID)
        partition = partition or partition_of(self._content.members)
        account = _Given(self, account_id, region, partition)
        return self.spec_for(account, etag=lambda _: account.need("etag", etag))

    def known_request(
        self,
        *,
        account_id: str | None = None,
        region: str | None = None,
        partition: str | None = None,
        etag: str | None = None,
    ) -> dict[str, Any]:
        """Return the request without what is not known, and with names that cannot be completed."""
        members = self._content.members
        account_id = account_id or members.get(ACCOUNT_ID)
        account = KnownAccount(
            account_id or "123456789012",
            region or "us-east-1",
            partition or partition_of(members),
        )
        spec = _validated(completed(members, account), etag)
        request = {**({ACCOUNT_ID: account_id} if account_id else {}), **spec.to_request()}
        if "ClientRequestToken" not in members:
            del request["ClientRequestToken"]
        if spec.manifest is not None and not (etag or value_at(members, _ETAG)):
            del request["Manifest"]["Location"]["ETag"]
        for path in names_without_arn(
            members, account_is_known=bool(account_id), region_is_known=bool(region)
        ):
            container = value_at(request, path[:-1])
            container[path[-1]] = value_at(members, path)
            if container[path[-1]] is None:
                del container[path[-1]]
        return request

    def spec_for(self, account: Account, *, etag: Callable[[JobSpec], str]) -> JobSpec:
        """Return the spec of the job. ``etag`` is called for a manifest without ETag."""
        members = completed(self._content.members, account)
        spec = _validated(members)
        if spec.manifest is None or value_at(members, _ETAG) is not None:
            return spec
        members = {**members, "ClientRequestToken": spec.client_request_token}
        return _validated(members, etag(spec))


def _validated(members: dict[str, Any], etag: str | None = None) -> JobSpec:
    """Return the spec for members with ARNs; without an ETag, with a placeholder."""
    request = {name: value for name, value in members.items() if name != ACCOUNT_ID}
    manifest = request.get("Manifest")
    location = value_at(members, MANIFEST[:-1])
    if isinstance(manifest, dict) and isinstance(location, dict):
        location = {"ETag": etag or "unknown", **location}
        request["Manifest"] = {**manifest, "Location": location}
    return JobSpec.model_validate(_in_utc(JobSpec.model_validate(request).to_request()))


class _Given(NamedTuple):
    """The account of :meth:`JobFile.spec`, whose arguments may be missing."""

    file: JobFile
    given_account_id: str | None
    given_region: str | None
    partition: str

    @property
    def account_id(self) -> str:
        return self.need("account_id", self.given_account_id)

    @property
    def region(self) -> str:
        return self.need("region", self.given_region)

    def need(self, argument: str, value: str | None) -> str:
        if value is None:
            problem = (None, "", f"the spec needs {argument}; pass {argument}=…")
            raise JobFileError(problem, source=self.file.source)
        return value


def _in_utc(value: Any) -> Any:
    """Return a value whose times without a time zone are in UTC; botocore uses local time."""
    if isinstance(value, dict):
        return {name: _in_utc(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_utc(item) for item in value]
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _account_problems(members: Mapping[str, Any]) -> Iterable[Problem]:
    account_id = members.get(ACCOUNT_ID)
    if account_id is None:
        return
    if not (isinstance(account_id, str) and len(account_id) == 12 and account_id.isdecimal()):
        yield Problem((ACCOUNT_ID,), "expected the 12 digits of an account")
