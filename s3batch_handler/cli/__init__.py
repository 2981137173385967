"""The command line: ``s3batch``. Each command parses arguments, calls the library and prints."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``s3batch``: the entry point of the installed script."""
    try:
        from s3batch_handler.cli._commands import s3batch
        from s3batch_handler.cli.terminal._output import prepare_standard_streams
        from s3batch_handler.engine.run._cancellation import signals_as_ctrl_c
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich", "rich_click"):
            raise
        sys.exit("s3batch needs its extra packages: pip install 's3batch-handler[local]'")
    except KeyboardInterrupt:  # as the commands do it later on
        print("\nAborted!", file=sys.stderr)
        sys.exit(130)
    with signals_as_ctrl_c():
        prepare_standard_streams()
        s3batch.main(prog_name="s3batch")
