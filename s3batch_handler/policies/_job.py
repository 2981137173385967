"""What a job says about the permissions that it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from s3batch_handler.core._sanitize import short_repr
from s3batch_handler.policies._resources import (
    REGION,
    UNKNOWN_REGION,
    Function,
    Home,
    IncompleteJob,
    Place,
)

Request = Mapping[str, Any]
"""A request of CreateJob, with the member names of AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """What the request of a job does not say.

    Attributes:
        objects: Buckets with the objects of the manifest, as ``s3://bucket/prefix``.
        versions: Whether the manifest names versions; ``None`` if only the request can tell.
        region: The Region of the job, if the request does not name it.
        manifest_key, source_key, target_key: KMS keys of an inventory, of the objects, of copies.
        function_reads, function_writes: Buckets that the code of the function uses.
        function_keys: KMS keys of these buckets.
        log_group: The log group of the function, if it exists and has another name.
        inventory_files: The data files of an inventory, as ``bucket/key``, if they are known.
        canary: Whether the job is submitted with ``--sample``, which uploads two more manifests.
    """

    objects: tuple[str, ...] = ()
    versions: bool | None = None
    region: str | None = None
    account: str | None = None
    manifest_key: str | None = None
    source_key: str | None = None
    target_key: str | None = None
    function_reads: tuple[str, ...] = ()
    function_writes: tuple[str, ...] = ()
    function_keys: tuple[str, ...] = ()
    log_group: str | None = None
    inventory_files: tuple[str, ...] = ()
    canary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAccess:
    """A job: its operation, and the resources that it uses."""

    request: Request
    options: PolicyOptions
    home: Home
    operation: str
    settings: Request
    role: str
    function: Function | None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of_request(cls, request: Request, options: PolicyOptions) -> JobAccess:
        """Read a request of CreateJob, which may lack what is added at submission.

        Raises:
            IncompleteJob: The request lacks its role, its account or its operation.
        """
        _check_options(options)
        operation, settings = _operation(request)
        name = settings.get("FunctionArn") if operation == LAMBDA_INVOKE else None
        region = _region_of(name, settings.get("TargetResource"), request) or options.region
        account = options.account or request.get("AccountId")
        role, home = _role(
            request.get("RoleArn"),
            Home(_partition_of(region), region or UNKNOWN_REGION, account or ""),
        )
        function = None if name is None else Function.parse(name, home)
        return cls(
            request=request,
            options=options,
            home=home,
            operation=operation,
            settings=settings,
            role=role,
            function=function,
        )

    @property
    def generator(self) -> Request:
        """Return the settings of a generated manifest; empty if the manifest exists."""
        generator = self.request.get("ManifestGenerator") or {}
        settings: Request = generator.get("S3JobManifestGenerator") or {}
        return settings

    @property
    def manifest(self) -> Request:
        """Return the manifest that exists; empty if S3 generates it."""
        manifest: Request = self.request.get("Manifest") or {}
        return manifest

    @property
    def has_inventory(self) -> bool:
        spec: Request = self.manifest.get("Spec") or {}
        return spec.get("Format") == _INVENTORY

    @property
    def has_versions(self) -> bool:
        """Return whether the tasks may name versions; inventories and generated manifests may."""
        if self.options.versions is not None:
            return self.options.versions
        if not self.manifest or self.has_inventory:
            return True
        return "VersionId" in ((self.manifest.get("Spec") or {}).get("Fields") or ())

    @property
    def sources(self) -> list[Place]:
        """Return the buckets of the objects, with prefixes.

        Raises:
            IncompleteJob: Neither the request nor an option names one.
        """
        places = [Place.parse(text) for text in self.options.objects]
        if not places and self.generator:
            constraint = (self.generator.get("Filter") or {}).get("KeyNameConstraint") or {}
            prefixes = constraint.get("MatchAnyPrefix") or ("",)
            bucket = Place.parse(self.generator["SourceBucket"])
            places = [bucket._replace(prefix=prefix) for prefix in prefixes]
        if not places:
            raise IncompleteJob(
                f"the job does not name the buckets of the objects, which {self.operation} needs: "
                "pass --bucket NAME, or --manifest FILE"
            )
        return places

    @property
    def report(self) -> Request:
        """Return the settings of the completion report; empty if there is none."""
        report: Request = self.request.get("Report") or {}
        return report if report.get("Enabled") and report.get("Bucket") else {}


LAMBDA_INVOKE: Final = "LambdaInvoke"

_ROLE: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/[A-Za-z0-9+=,.@_/-]+"
)
_ROLE_NAME: Final = re.compile(r"[A-Za-z0-9+=,.@_/-]+")
_OPTION_VALUES: Final = {
    "region": (re.compile(REGION), "a Region, such as eu-west-1"),
    "account": (re.compile(r"[0-9]{12}"), "an account ID: 12 digits"),
    "log_group": (re.compile(r"[A-Za-z0-9_./#-]{1,512}"), "the name of a log group"),
}
_INVENTORY: Final = "S3InventoryReport_CSV_20161130"


def _check_options(options: PolicyOptions) -> None:
    """Check values that become part of an ARN.

    Raises:
        IncompleteJob: A value is not valid.
    """
    for name, (pattern, what) in _OPTION_VALUES.items():
        value = getattr(options, name)
        if value is not None and not pattern.fullmatch(value):
            raise IncompleteJob(f"{short_repr(value)} is not {what}")


def _role(role: object, home: Home) -> tuple[str, Home]:
    """Return the ARN of the role, and the partition and account that it names.

    Raises:
        IncompleteJob: There is no role, or only its name, and the account is not known.
    """
    if not isinstance(role, str) or not role:
        raise IncompleteJob(
            "the job has no RoleArn: add the ARN of the role that S3 assumes, as "
            "arn:aws:iam::123456789012:role/NAME"
        )
    found = _ROLE.fullmatch(role)
    if found is not None:
        return role, Home(found["partition"], home.region, home.account or found["account"])
    if role.startswith("arn:") or not _ROLE_NAME.fullmatch(role):
        raise IncompleteJob(
            f"RoleArn {short_repr(role)} is not the ARN of a role: write "
            "arn:aws:iam::123456789012:role/NAME"
        )
    if not home.account:
        raise IncompleteJob(
            f"the account of the role {short_repr(role)} is not known: pass --account-id, or write "
            "its ARN"
        )
    return f"arn:{home.partition}:iam::{home.account}:role/{role.lstrip('/')}", home


def _partition_of(region: str | None) -> str:
    start = re.match(r"cn-|us-gov-|eusc-|[a-z]{2}-iso[a-z]?-", region or "")
    return _PARTITIONS.get(start[0], "aws") if start else "aws"


_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}
"""The partitions by the beginnings of their Regions, as botocore has them."""


def _operation(request: Request) -> tuple[str, Request]:
    operation = request.get("Operation")
    if not isinstance(operation, Mapping) or len(operation) != 1:
        raise IncompleteJob("the job has no Operation: add one, such as LambdaInvoke")
    ((name, settings),) = operation.items()
    return name, settings or {}


def _region_of(function: object, target: object, request: Request) -> str | None:
    """Return the Region that an ARN of the request names: the job is in the same Region.

    A copy runs in the Region of its target, other jobs in that of their objects.
    """
    generator = (request.get("ManifestGenerator") or {}).get("S3JobManifestGenerator") or {}
    bucket = (request.get("Report") or {}).get("Bucket")
    for text in (function, target, bucket, generator.get("SourceBucket")):
        found = _REGION.search(text) if isinstance(text, str) else None
        if found:
            return found[1]
    return None


_REGION: Final = re.compile(rf"(?:^|:)({REGION})(?::|$)")
