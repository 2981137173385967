"""The rules for options that need or exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from s3batch_handler.cli._invoke import invoke
from s3batch_handler.cli._option_rules import ALWAYS, REMOTE, RULES, Rule, check_options
from s3batch_handler.cli._serve import serve
from s3batch_handler.cli.estimate._command import estimate
from s3batch_handler.cli.job._clone import clone
from s3batch_handler.cli.job._submit import submit
from s3batch_handler.cli.manifest._create import create
from s3batch_handler.cli.run._command import run

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "run": run,
    "serve": serve,
    "invoke": invoke,
    "create": create,
    "submit": submit,
    "clone": clone,
    "estimate": estimate,
}


def context_with(command: click.Command, *names: str) -> click.Context:
    """Return the context of a command line with these options and arguments."""
    context = click.Context(command)
    for name in names:
        if name == REMOTE:
            context.params["handler"] = "http://127.0.0.1:9"
        elif name != ALWAYS:
            found = parameter(command, name)
            is_negated = name in found.secondary_opts
            context.params[str(found.name)] = False if is_negated else "value"
    return context


def parameter(command: click.Command, name: str) -> click.Parameter:
    return next(
        found
        for found in command.params
        if name in (*found.opts, *found.secondary_opts, found.human_readable_name)
    )


@pytest.fixture
def single_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[click.Command, Rule]]:
    """Each rule of each command, one at a time: no other rule applies meanwhile."""

    def each_alone() -> Iterator[tuple[click.Command, Rule]]:
        for name, rules in list(RULES.items()):
            for rule in rules:
                monkeypatch.setitem(RULES, name, (rule,))
                yield COMMANDS[name], rule

    return each_alone()


def test_every_name_in_a_rule_is_a_parameter_of_its_command() -> None:
    """A misspelled name would switch a rule off."""
    for name, rules in RULES.items():
        for rule in rules:
            for option in {rule.option, rule.unless, *rule.requires, *rule.excludes} - {
                ALWAYS,
                REMOTE,
            }:
                parameter(COMMANDS[name], option)


def test_options_that_exclude_each_other_are_refused_with_both_names(
    single_rules: Iterator[tuple[click.Command, Rule]],
) -> None:
    for command, rule in single_rules:
        for other in rule.excludes:
            with pytest.raises(click.UsageError, match="cannot be combined") as problem:
                check_options(context_with(command, rule.option, other))

            assert f"{rule.option} and {other} " in problem.value.message
            if rule.unless:
                check_options(context_with(command, rule.option, other, rule.unless))


def test_a_missing_option_is_named_with_its_alternatives(
    single_rules: Iterator[tuple[click.Command, Rule]],
) -> None:
    for command, rule in single_rules:
        for alternative in rule.requires:
            with pytest.raises(click.UsageError, match=r"Missing|needs") as problem:
                check_options(context_with(command, rule.option))

            assert alternative in problem.value.message
            check_options(context_with(command, rule.option, alternative))


def test_a_rule_applies_only_if_its_option_is_given(
    single_rules: Iterator[tuple[click.Command, Rule]],
) -> None:
    for command, rule in single_rules:
        if rule.option != ALWAYS:
            check_options(context_with(command, *rule.excludes))
