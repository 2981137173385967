"""The outputs of a CloudFormation stack that ``--stack`` uses as defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.cli._errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping


class StackOutputs(NamedTuple):
    """The outputs of a stack of ``template.yaml``, or of a stack with the same outputs."""

    function: str
    """ARN of the function's published version: later deployments change no running job."""

    role: str
    """ARN of the role that S3 assumes."""

    manifests: str
    """``s3://bucket/prefix`` that the role may read manifests from."""

    reports: str
    """``s3://bucket/prefix`` that the role may write reports to."""

    @classmethod
    def of_outputs(cls, name: str, status: str, outputs: Mapping[str, str]) -> StackOutputs:
        """Create from the outputs of the stack called ``name``.

        Raises:
            InvalidArgument: An output is missing, or the stack is being deleted. A deleted stack
                still has outputs, but no resources.
        """
        if status.startswith("DELETE_"):
            raise InvalidArgument(
                f"--stack {name}: the stack has status {status}. Choose another stack"
            )
        missing = [output for output in _OUTPUTS if output not in outputs]
        if missing:
            lacks = f"--stack {name}: the stack has no output {', '.join(missing)}"
            raise InvalidArgument(f"{lacks} (status {status})")
        return cls(*(outputs[output] for output in _OUTPUTS))


_OUTPUTS: Final = ("FunctionArn", "JobRoleArn", "ManifestLocation", "ReportLocation")
