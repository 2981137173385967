"""Call a handler in jobs: under AWS's runtime client, and in the local engine.

:func:`call_in_runtime` starts AWS's runtime client under AWS's emulator, which has the timeout of
the function. A job sends the task with the fault to its address, and writes the report.

:func:`call_in_local_job` runs ``s3batch run``, which calls the handler in a worker process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from s3batch_handler.core._keys import encode_key
from s3batch_handler.core._model import JobRef
from s3batch_handler.documents.files._folder import open_folder
from s3batch_handler.documents.manifests._manifest import ManifestEntry
from s3batch_handler.documents.reports._writer import ReportWriter
from s3batch_handler.engine.invoke._target import invoker_for
from s3batch_handler.engine.run._run_job import JobSettings, run_job
from tests.faults.cell import Answer, Observed
from tests.faults.handler import ROOT, TIMEOUT
from tests.support.lambda_environment import Environment, event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def call_in_runtime(
    module: str, keys: tuple[str, ...], folder: Path, variables: Mapping[str, Any]
) -> Observed:
    """Send events for all keys, and a job for the second one, which has the fault."""
    observed = Observed()
    environment = Environment(
        f"{module}.handler", folder=ROOT, timeout=TIMEOUT, log=folder / "lambda.log", **variables
    )
    try:
        before, fault, *others = keys
        observed.add(before, _answer_of(environment, before, is_cold=True))
        _run_job_at(environment.address, fault, folder)
        observed.read_report(folder)
        is_cold = observed.answers[fault][0].kind in {"exit", "timeout"}
        for key in others:
            observed.add(key, _answer_of(environment, key, is_cold=is_cold))
            is_cold = False
    finally:
        environment.stop()
    return observed


def _answer_of(environment: Environment, key: str, *, is_cold: bool) -> Answer:
    """Send an event. A cold start on a busy machine takes longer than the timeout: try again."""
    for _ in range(10):
        try:
            response = environment.invoke(event(encode_key(key)))
        except HTTPError as error:  # the emulator has just ended the runtime
            response = f"{error} {error.read()!r}"
        if isinstance(response, dict) and "results" in response:
            (result,) = response["results"]
            answer = Answer(result["resultCode"], result["resultString"])
        else:
            answer = Answer("timeout" if "timed out" in response else "error", str(response))
        if answer.kind == "Succeeded" or not is_cold:
            break
    return answer


def _run_job_at(address: str, key: str, folder: Path) -> None:
    run_job(
        [ManifestEntry("photos", encode_key(key), None)],
        invoker_for(address),
        JobSettings(job=JobRef(id="faults"), max_redrives=0),
        report=ReportWriter(open_folder(str(folder)), job_id="faults"),
    )


def call_in_local_job(
    module: str, keys: tuple[str, ...], folder: Path, variables: Mapping[str, str]
) -> Observed:
    """Run a job with a task for each key, in this order, by one worker."""
    manifest = folder / "manifest.csv"
    manifest.write_text("".join(f"photos,{encode_key(key)}\n" for key in keys))
    run = [sys.executable, "-m", "s3batch_handler.cli", "run", f"{module}:handler", "--quiet"]
    options = {"manifest": manifest, "report": folder, "log": folder / "job.log"}
    numbers = {"workers": 1, "timeout": TIMEOUT, "max-redrives": 0}
    done = subprocess.run(
        [*run, *(f"--{name}={value}" for name, value in {**options, **numbers}.items())],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr.decode()
    observed = Observed()
    observed.read_report(folder)
    return observed
