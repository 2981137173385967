"""What ``s3batch run --state`` keeps of a run, so that it can be resumed after a crash."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from s3batch_handler.cli._options import InvalidArgument
from s3batch_handler.cli._output import shell_command
from s3batch_handler.core._errors import StateError
from s3batch_handler.documents._storage import LocalFolder
from s3batch_handler.engine.manifests._prepared import partial_path, saved_manifest
from s3batch_handler.engine.run._journal import Journal
from s3batch_handler.engine.state._sqlite import check_is_file, checksum, damaged, remove_database
from s3batch_handler.engine.state._state_folder import folder_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from s3batch_handler.engine.manifests._prepared import PreparedManifest


class SavedRun:
    """One run in a folder of its own: what was asked for, the manifest, the journal.

    Attributes:
        asked: The options it was begun with, and its job id; empty while there is no run.
        manifest_file: Where its manifest is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = folder / "run.json"
        # Names that nobody else gives to files: they are removed in the end.
        self._journal = folder / "run-journal"
        self.manifest_file = folder / "run-manifest.csv"
        self.asked: dict[str, Any] = {}
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
            self.asked, self._manifest = saved["asked"], saved["manifest"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise damaged(str(self._index), problem) from error
        except OSError as error:
            raise StateError(f"{self._index} cannot be read: {error.strerror}") from error

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, resume: bool) -> Iterator[Self]:
        """Have a folder to oneself, with a run to be resumed in it, or without any.

        If Ctrl-C ends a run before its manifest is complete, nothing is kept.

        Raises:
            InvalidArgument: It is the other way round.
            StateError: The folder cannot be used, or is in use.
            StateDamaged: What is in it cannot be read.
        """
        with folder_lock(folder):
            run = cls(folder)
            if resume and not run.asked:
                raise InvalidArgument(f"--resume: {folder} has no run to resume. Check --state")
            if run.asked and not resume:
                raise InvalidArgument(
                    f"--state {folder}: it has an interrupted run. Resume it with --resume, or "
                    "choose another folder"
                )
            if run.asked and run.asked["cwd"] != str(Path.cwd()):
                raise InvalidArgument(
                    f"--resume: change to the directory of the run, {run.asked['cwd']}"
                )
            try:
                yield run
            except KeyboardInterrupt:
                if not run.can_be_resumed:
                    run.end()
                raise

    def begin(self, asked: Mapping[str, Any], manifest: PreparedManifest) -> None:
        """Keep what was asked for, now that the manifest is there."""
        Journal.create(self._journal)
        self.asked = {**asked, "cwd": str(Path.cwd())}
        self._manifest = manifest.saved_arguments
        text = json.dumps({"asked": self.asked, "manifest": self._manifest}, default=str)
        index = f'{{"checksum": {checksum(text)}, "run": {text}}}'
        LocalFolder(self.folder).write(self._index.name, io.BytesIO(index.encode()))

    def manifest(self) -> AbstractContextManager[PreparedManifest]:
        """Open the manifest that was kept."""
        return saved_manifest(self.manifest_file, **self._manifest)

    def journal(self) -> Journal:
        """Open the journal."""
        return Journal(self._journal, must_exist=True)

    @property
    def can_be_resumed(self) -> bool:
        """Return whether the run is completely saved: the index is written last."""
        return self._index.exists()

    @property
    def resume_command(self) -> str:
        """The command that resumes the run, from the directory in which it was begun."""
        return shell_command(["s3batch", "run", "--resume", "--state", str(self.folder)])

    def end(self) -> None:
        """Keep nothing any more: the run is over."""
        # Somebody may have removed the folder meanwhile.
        self._index.unlink(missing_ok=True)
        remove_database(self._journal)
        self.manifest_file.unlink(missing_ok=True)
