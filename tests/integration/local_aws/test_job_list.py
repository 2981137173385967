"""The list of the jobs of a server with many jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._errors import JobNotFound
from s3batch_handler.jobs._job import Job
from s3batch_handler.local_aws._job_list import JobList
from s3batch_handler.page._source import JobQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 30, tzinfo=UTC)
STATUSES = ("Active", "Complete", "Failed")


def job(number: int, *, status: str = "Active", minutes: int = 0) -> Job:
    return Job.from_description(
        {
            "JobId": f"job-{number:04}",
            "Status": status,
            "Description": f"Thumbnails {number}",
            "Priority": 1,
            "CreationTime": NOW + timedelta(minutes=minutes),
        }
    )


class ManyJobs:
    """Engines with jobs, and the number of descriptions that were read."""

    def __init__(self, *engines: Sequence[Job]) -> None:
        self.by_engine = [{each.job_id: each for each in jobs} for jobs in engines]
        self.reads = 0

    def all(self) -> dict[tuple[str, str], Any]:
        return {
            (f"{number:012}", "eu-west-1"): _Engine(self, jobs)
            for number, jobs in enumerate(self.by_engine)
        }


class _Engine:
    def __init__(self, many: ManyJobs, jobs: dict[str, Job]) -> None:
        self._many = many
        self._jobs = jobs

    @property
    def reader(self) -> _Engine:
        return self

    def versions(self) -> list[tuple[str, str]]:
        return [(job_id, f"{each.status} {each.progress}") for job_id, each in self._jobs.items()]

    def job(self, job_id: str) -> Job:
        self._many.reads += 1
        if self._jobs[job_id].description == "Thumbnails 13":
            raise JobNotFound(job_id=job_id)
        return self._jobs[job_id]


def list_of(many: Any) -> JobList:
    return JobList(many)


def test_only_jobs_that_have_changed_are_read_again() -> None:
    """A list of 1,000 jobs is made again each second for each page that shows it."""
    many = ManyJobs([job(number) for number in range(100, 1100)])
    jobs = list_of(many)
    jobs.page(JobQuery())
    many.reads = 0
    many.by_engine[0]["job-0500"] = job(500, status="Complete")

    page = jobs.page(JobQuery(search="job-0500"))

    assert many.reads == 1
    assert [each["status"] for each in page["jobs"]] == ["Complete"]


def test_a_job_that_cannot_be_read_is_left_out() -> None:
    page = list_of(ManyJobs([job(number) for number in range(12, 15)])).page(JobQuery())

    assert {each["id"] for each in page["jobs"]} == {"job-0012", "job-0014"}


@given(
    minutes=st.lists(st.integers(0, 5), max_size=20),
    limit=st.integers(1, 7),
    status=st.sampled_from(STATUSES),
)
def test_the_pages_together_are_the_whole_list(minutes: list[int], limit: int, status: str) -> None:
    """The newest job is first, whichever engine has it; jobs of the same time are ordered, too."""
    created = [
        job(100 + number, status=STATUSES[number % 3], minutes=each)
        for number, each in enumerate(minutes)
    ]
    jobs = list_of(ManyJobs(created[::2], created[1::2]))
    expected = [each for each in created if each.status == status]
    found: list[str] = []
    after = None

    while True:
        page = jobs.page(JobQuery(statuses=[status], after=after, limit=limit))
        found += [each["id"] for each in page["jobs"]]
        after = page["next"]
        if after is None:
            break

    assert page["matching"] == len(expected)
    assert found == [
        each.job_id
        for each in sorted(expected, key=lambda job: (job.creation_time, job.job_id), reverse=True)
    ]
    assert sum(page["by_status"].values()) == len(created)


def test_a_cursor_stays_valid_when_its_job_is_deleted() -> None:
    many = ManyJobs([job(number, minutes=number) for number in range(100, 106)])
    jobs = list_of(many)
    first = jobs.page(JobQuery(limit=2))
    del many.by_engine[0]["job-0104"]

    second = jobs.page(JobQuery(limit=2, after=first["next"]))

    assert [each["id"] for each in first["jobs"]] == ["job-0105", "job-0104"]
    assert [each["id"] for each in second["jobs"]] == ["job-0103", "job-0102"]
