"""Stores of idempotency records for tests."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

from s3batch_handler.core._typing import override
from tests.support.handlers import decorate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3batch_handler import Task

TABLE: Final[dict[str, Any]] = {
    "TableName": "idempotency",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def counting(layer: BasePersistenceLayer, **options: Any) -> Any:
    """Return a handler whose result is the number of calls of its function."""
    calls: list[Task] = []

    def function(task: Task) -> str:
        calls.append(task)
        return f"call {len(calls)}"

    return decorate(idempotency=layer, **options)(function)


class FileLayer(BasePersistenceLayer):
    """A persistence layer as users write them. Several processes can use it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._file = folder / "records.json"
        self.seconds_later = 0.0  # how fast the clock of this layer is

    def statuses(self) -> list[str]:
        with self._locked() as items:
            return [item["status"] for item in items.values()]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[dict[str, dict[str, Any]]]:
        with self._file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            items: dict[str, dict[str, Any]] = json.loads(file.read() or "{}")
            yield items
            file.truncate(0)
            file.write(json.dumps(items))

    @override
    def _get_record(self, idempotency_key: str) -> DataRecord:
        with self._locked() as items:
            if idempotency_key not in items:
                raise IdempotencyItemNotFoundError
            return DataRecord(**items[idempotency_key])

    @override
    def _put_record(self, data_record: DataRecord) -> None:
        with self._locked() as items:
            if data_record.idempotency_key in items:
                existing = DataRecord(**items[data_record.idempotency_key])
                until = existing.in_progress_expiry_timestamp or 0
                if (
                    existing.status == "COMPLETED"
                    or until >= (time.time() + self.seconds_later) * 1000
                ):
                    raise IdempotencyItemAlreadyExistsError
            items[data_record.idempotency_key] = _fields_of(data_record)

    @override
    def _update_record(self, data_record: DataRecord) -> None:
        with self._locked() as items:
            items[data_record.idempotency_key] = _fields_of(data_record)

    @override
    def _delete_record(self, data_record: DataRecord) -> None:
        with self._locked() as items:
            items.pop(data_record.idempotency_key, None)


def _fields_of(record: DataRecord) -> dict[str, Any]:
    return {
        "idempotency_key": record.idempotency_key,
        "status": record.status,
        "expiry_timestamp": record.expiry_timestamp,
        "in_progress_expiry_timestamp": record.in_progress_expiry_timestamp,
        "response_data": record.response_data,
    }
