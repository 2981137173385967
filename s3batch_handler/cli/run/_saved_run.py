"""The files of ``s3batch run --state``, from which a run can be resumed after a crash."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.cli.terminal._output import shell_command
from s3batch_handler.core._errors import StateError
from s3batch_handler.documents.files._local_folder import LocalFolder, write_file
from s3batch_handler.documents.files._locations import is_s3_url
from s3batch_handler.engine.manifests._prepared import saved_manifest
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.state._sqlite import check_is_file, checksum, damaged, remove_database
from s3batch_handler.engine.state._state_folder import folder_lock, partial_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from s3batch_handler.engine.manifests._prepared import PreparedManifest
    from s3batch_handler.engine.run._ledger import JobResult


INTERRUPTED_RUN: Final = "run.json"
LAST_RUN: Final = "last-run.json"


class SavedRun:
    """A run in a folder of its own: its options, its manifest and its journal.

    Attributes:
        options: The options of the run, its job ID and directory; empty while there is no run.
        manifest_file: The path of its manifest.
        journal_file: The path of its journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = folder / INTERRUPTED_RUN
        # Names that no other program uses: the files are removed at the end.
        self.journal_file = folder / "run-journal"
        self.manifest_file = folder / "run-manifest.csv"
        self.options: dict[str, Any] = {}
        self._manifest: dict[str, Any] = {}
        # Remove files of a killed run: the folder is locked, so no other run is active.
        partial_path(self.manifest_file).unlink(missing_ok=True)
        LocalFolder(folder).remove_leftovers(self._index.name)
        if self._index.exists():
            self._read_index()

    def _read_index(self) -> None:
        check_is_file(self._index)
        problem = "its checksum does not match, or another version of s3batch-handler wrote it"
        try:
            index = json.loads(self._index.read_bytes())
            saved = index["run"]
            if index["checksum"] != checksum(json.dumps(saved)):
                raise damaged(str(self._index), problem)
            self.options, self._manifest = saved["options"], saved["manifest"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise damaged(str(self._index), problem) from error
        except OSError as error:
            raise StateError(f"{self._index} cannot be read: {error.strerror}") from error

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, resume: bool) -> Iterator[Self]:
        """Lock a folder that has a run to resume, or, without ``resume``, has no run.

        If Ctrl-C ends a run before its manifest is complete, its files are removed.

        Raises:
            InvalidArgument: The folder has no run to resume, or has one already.
            StateError: The folder cannot be used, or another process uses it.
            StateDamaged: A file in the folder cannot be read.
        """
        with folder_lock(folder):
            run = cls(folder)
            if resume and not run.options:
                raise InvalidArgument(f"--resume: {folder} has no run to resume. Check --state")
            if run.options and not resume:
                raise InvalidArgument(
                    f"--state {folder}: the folder has an interrupted run. Resume it with "
                    "--resume, or choose another folder"
                )
            if run.options and run.options["cwd"] != str(Path.cwd()):
                raise InvalidArgument(
                    f"--resume: change to the directory of the run, {run.options['cwd']}"
                )
            try:
                yield run
            except KeyboardInterrupt:
                if not run.can_be_resumed:
                    run.end()
                raise

    def begin(self, options: Mapping[str, Any], manifest: PreparedManifest) -> None:
        """Save the options; the manifest is already in its file."""
        Journal.create(self.journal_file)
        self.options = {**options, "cwd": str(Path.cwd())}
        self._manifest = manifest.saved_arguments
        text = json.dumps({"options": self.options, "manifest": self._manifest}, default=str)
        index = f'{{"checksum": {checksum(text)}, "run": {text}}}'
        write_file(self._index, index.encode())

    def manifest(self) -> AbstractContextManager[PreparedManifest]:
        """Open the saved manifest."""
        return saved_manifest(self.manifest_file, **self._manifest)

    def journal(self) -> Journal:
        return Journal(self.journal_file, must_exist=True)

    @property
    def can_be_resumed(self) -> bool:
        """Return whether the run is completely saved: the index is written last."""
        return self._index.exists()

    @property
    def resume_command(self) -> str:
        """Return the command that resumes the run, from the same directory."""
        return shell_command(["s3batch", "run", "--resume", "--state", str(self.folder)])

    def end(self, job: JobResult | None = None) -> None:
        """Remove the files of a run that has ended, even if the folder was removed meanwhile.

        Only the location of the report of ``job`` is kept, for ``s3batch report --state``.
        """
        if job is not None:
            (self.folder / LAST_RUN).unlink(missing_ok=True)
        if job is not None and job.report is not None and self.folder.is_dir():
            report = job.report if is_s3_url(job.report) else str(Path(job.report).absolute())
            record = json.dumps({"JobId": job.job_id, "Report": report})
            write_file(self.folder / LAST_RUN, record.encode())
        self._index.unlink(missing_ok=True)
        remove_database(self.journal_file)
        self.manifest_file.unlink(missing_ok=True)
