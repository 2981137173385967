"""Print the JSON Schema of job files.

Save it after a change of the models::

    python tests/support/job_file_schema.py > s3batch_handler/jobs/files/job-file.schema.json
"""

from __future__ import annotations

import json

from s3batch_handler.jobs.files._schema import job_file_schema


def text() -> str:
    return f"{json.dumps(job_file_schema(), indent=1)}\n"


if __name__ == "__main__":
    print(text(), end="")
