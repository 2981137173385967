"""Where a smoke test keeps its objects, its manifest and its report."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.core._aws_errors import aws_error_code
from s3batch_handler.documents.files._locations import bucket_and_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from s3batch_handler.cli.job._stack_outputs import StackOutputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Buckets and prefixes. Everything that a smoke test creates has its name in its key.

    Attributes:
        name: ``smoke-`` and a random number.
        bucket: The bucket of the objects.
        outputs: Further buckets, which the function writes to.
        partition: The partition of ARNs.
    """

    name: str
    bucket: str
    outputs: tuple[str, ...]
    manifest_bucket: str
    manifest_folder: str
    report_bucket: str
    report_prefix: str
    partition: str

    @classmethod
    def of_stack(
        cls,
        stack: StackOutputs,
        parameters: Mapping[str, str],
        *,
        bucket: str | None,
        outputs: Sequence[str],
        partition: str,
    ) -> Self:
        """Choose places for a stack.

        Args:
            stack: Its outputs.
            parameters: Its parameters. As in ``template.yaml``, ``SourceBucket`` is the default of
                ``bucket``, and the function also writes to ``TargetBucket``.
            bucket: The bucket of the objects; by default the bucket of the manifests.
            outputs: Further buckets, which the function writes to.
            partition: The partition of ARNs.
        """
        name = f"smoke-{secrets.token_hex(6)}"
        manifest_bucket, manifests = bucket_and_key(stack.manifests)
        report_bucket, reports = bucket_and_key(stack.reports)
        for output, found in (
            ("ManifestLocation", manifest_bucket),
            ("ReportLocation", report_bucket),
        ):
            if not found:
                raise InvalidArgument(f"--stack: the output {output} is not s3://bucket/prefix")
        target = parameters.get("TargetBucket")
        return cls(
            name=name,
            bucket=bucket or parameters.get("SourceBucket") or manifest_bucket,
            outputs=tuple(dict.fromkeys((*outputs, *([target] if target else ())))),
            manifest_bucket=manifest_bucket,
            manifest_folder=_below(manifests, name),
            report_bucket=report_bucket,
            report_prefix=_below(reports, name),
            partition=partition,
        )

    @property
    def prefix(self) -> str:
        """Return the prefix of the objects."""
        return f"{self.name}/"

    @property
    def manifest_key(self) -> str:
        return f"{self.manifest_folder}/manifest.csv"

    @property
    def buckets(self) -> tuple[str, ...]:
        """Return all buckets, each once."""
        buckets = (self.bucket, self.manifest_bucket, self.report_bucket, *self.outputs)
        return tuple(dict.fromkeys(buckets))

    def check(self, s3: Any) -> None:
        """Check that the buckets exist, as far as this may be asked.

        Raises:
            InvalidArgument: A bucket does not exist.
        """
        for bucket in self.buckets:
            if not _BUCKET.fullmatch(bucket):
                raise InvalidArgument(
                    f"{bucket} is not a valid bucket name. Check --bucket, --output and the "
                    "outputs of the stack"
                )
            try:
                s3.head_bucket(Bucket=bucket)
            except Exception as error:
                if aws_error_code(error) in ("404", "NoSuchBucket"):
                    problem = f"the bucket {bucket} does not exist. Check --bucket and --output"
                    raise InvalidArgument(problem) from error

    def folders(self) -> Iterator[tuple[str, str]]:
        """Yield bucket and prefix of everything that the smoke test may create, each once."""
        folders = [
            (self.bucket, self.prefix),
            *((bucket, self.prefix) for bucket in self.outputs),
            (self.manifest_bucket, f"{self.manifest_folder}/"),
            (self.report_bucket, f"{self.report_prefix}/"),
        ]
        yield from dict.fromkeys(folders)


_BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")


def _below(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}".lstrip("/")
