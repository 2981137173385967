"""Run the tasks of ``s3batch run`` on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3batch_handler.cli._dask_warning import warn_of_open_scheduler
from s3batch_handler.cli._errors import InvalidArgument
from s3batch_handler.core._defaults import DEFAULT_TIMEOUT
from s3batch_handler.core._errors import InvalidFunction
from s3batch_handler.engine.invoke._dask_cluster import is_on_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3batch_handler.cli.run._function_log import FunctionLog
    from s3batch_handler.cli.run._options import RunOptions
    from s3batch_handler.engine.invoke._dask_pool import DaskPool


def dask_pool(options: RunOptions, variables: Mapping[str, str], log: FunctionLog) -> DaskPool:
    """Create the invoker for ``--dask``.

    Raises:
        InvalidArgument: The code of the function cannot be found.
    """
    from s3batch_handler.engine.invoke._dask_pool import DaskPool  # a slow import

    assert options.dask is not None
    assert options.handler is not None
    warn_of_open_scheduler(options.dask)
    is_local = is_on_this_machine(options.dask)
    try:
        return DaskPool(
            options.handler,
            options.dask,
            timeout=DEFAULT_TIMEOUT if options.timeout is None else options.timeout,
            upload=options.upload,
            variables=variables,
            log=str(log.path.absolute()) if is_local and log.path is not None else None,
        )
    except InvalidFunction as error:
        raise InvalidArgument(str(error)) from error
