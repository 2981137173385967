"""``s3batch completion``: complete commands, options and values in a shell."""

from __future__ import annotations

import click

from s3batch_handler.cli.help._classes import Command
from s3batch_handler.cli.help._suggestions import Choice
from s3batch_handler.cli.terminal._output import print_data


@click.command(cls=Command)
@click.argument("shell", metavar="bash|zsh|fish", type=Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    r"""Print a script that completes commands in bash, zsh or fish.

    It completes commands, options, choices, files, starters and the IDs of jobs: those whose report
    is in s3batch-reports, and those that the configured account lists within 2 seconds.

    To install it, add the line for your shell to its configuration file: ~/.bashrc, ~/.zshrc or
    ~/.config/fish/config.fish. zsh needs 'autoload -U compinit && compinit' before.

    Examples:
        eval "$(s3batch completion bash)"
        eval "$(s3batch completion zsh)"
        s3batch completion fish | source
    """
    from click.shell_completion import ShellComplete, get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    completer = made(context.find_root().command, {}, "s3batch", "_S3BATCH_COMPLETE")
    # Not the method of bash, which starts bash to read its version.
    script = ShellComplete.source(completer)
    # The script for fish would cut descriptions at their first comma.
    print_data(script.replace('string split ","', 'string split -m 1 ","').rstrip("\n"))
