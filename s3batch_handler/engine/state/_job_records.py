"""The texts of a job in SQLite: its request and its description, each with a checksum."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from s3batch_handler.engine.state._sqlite import checksum, damaged
from s3batch_handler.jobs._job import Job


def sealed(job_id: str, text: str) -> str:
    """Return a text of a job with a checksum in front of it."""
    return f"{checksum(job_id, text)} {text}"


def unsealed(job_id: str, text: object, *, name: str) -> str:
    """Return a text that was sealed.

    Raises:
        StateDamaged: The checksum does not match; the error contains ``name``.
    """
    found, _, content = str(text).partition(" ")
    if found != str(checksum(job_id, content)):
        error = damaged(name, f"the checksum of job {job_id} does not match")
        error.job_id = job_id
        raise error
    return content


def members_of(job: Job) -> str:
    """Return the members of a description that its request does not contain, or that change."""
    members = job.to_description()
    for name in _REQUESTED:
        members.pop(name, None)
    return json.dumps(members, default=datetime.isoformat)


def read_job(job_id: str, spec: object, job: object, *, name: str) -> Job:
    """Read the description of a job from its request and :func:`members_of`, both sealed.

    Raises:
        StateDamaged: A checksum does not match; the error contains ``name``.
    """
    requested = json.loads(unsealed(job_id, spec, name=name))
    members = {name: requested[name] for name in _REQUESTED if name in requested}
    return Job.from_description({**members, **json.loads(unsealed(job_id, job, name=name))})


_REQUESTED: Final = (
    *("Description", "Manifest", "ManifestGenerator", "Operation", "Report", "RoleArn"),
)
"""Members that a description takes from its request. They are stored once, in the request."""
