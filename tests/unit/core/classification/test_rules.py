"""Which exception of a chain or a group decides, and what users may add."""

from __future__ import annotations

import functools
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3batch_handler.core._error_text import describe
from s3batch_handler.core._errors import OutOfTime, PermanentFailure, TaskFailure, TemporaryFailure
from s3batch_handler.core._model import ResultCode
from tests.support.exceptions import PERMANENT, TEMPORARY, chain, client_error, code_of, raised


@pytest.mark.parametrize("kind", [TemporaryFailure, PermanentFailure])
def test_task_failure_is_what_it_says(kind: type[TaskFailure]) -> None:
    """Who raises a TaskFailure has decided: nobody else is asked."""
    code = code_of(kind("x"), classify=lambda _: ResultCode.SUCCEEDED, retry_on=(kind,))

    assert code is kind.code


def test_subclass_of_a_task_failure_keeps_its_code() -> None:
    class NotAPhoto(PermanentFailure):
        pass

    assert code_of(NotAPhoto()) is PERMANENT


def test_subclass_of_a_task_failure_may_have_a_code_of_its_own(subtests: pytest.Subtests) -> None:
    """An HTTP status in ``code`` does not change what the class says."""
    for own in [429, "busy", None]:
        for kind in [TemporaryFailure, PermanentFailure]:
            with subtests.test(own=own, kind=kind):

                class Refused(kind):  # type: ignore[misc,valid-type]
                    def __init__(self, code: object) -> None:
                        super().__init__("refused")
                        self.code = code

                assert code_of(chain(Refused(own), TimeoutError())) is kind.code


def test_task_failure_without_a_code_leaves_it_to_its_cause() -> None:
    """The base class says nothing, so what it was raised from is asked."""
    error = chain(TaskFailure("which?"), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_classify_comes_before_everything_else() -> None:
    """A user's function knows better than ``retry_on``, ``give_up_on`` and the table."""
    code = code_of(
        TimeoutError(), classify=lambda _: PERMANENT, retry_on=(TimeoutError,), give_up_on=()
    )

    assert code is PERMANENT


def test_classify_may_call_a_failure_a_success() -> None:
    """An object that is gone may be just what the task was to achieve."""

    def gone_is_fine(error: BaseException) -> ResultCode | None:
        return ResultCode.SUCCEEDED if "NoSuchKey" in str(error) else None

    assert code_of(client_error("NoSuchKey"), classify=gone_is_fine) is ResultCode.SUCCEEDED
    assert code_of(client_error("SlowDown"), classify=gone_is_fine) is TEMPORARY


def test_classify_is_asked_once_for_each_exception_of_the_chain() -> None:
    asked: list[BaseException] = []
    shared = OSError("shared")
    error = chain(
        RuntimeError(),
        ExceptionGroup("g", [chain(ValueError(), shared), chain(KeyError(), shared)]),
    )

    code_of(error, classify=asked.append)

    kinds = [type(each) for each in asked]
    assert kinds == [RuntimeError, ExceptionGroup, ValueError, OSError, KeyError]


def test_retry_on_wins_over_give_up_on() -> None:
    """Both by inheritance; a retry is the mistake that costs less."""
    code = code_of(
        FileNotFoundError(), retry_on=(FileNotFoundError,), give_up_on=(LookupError, OSError)
    )

    assert code is TEMPORARY


def test_give_up_on_wins_over_the_table() -> None:
    assert code_of(TimeoutError(), give_up_on=(OSError,)) is PERMANENT


def test_unknown_exception_gets_no_opinion() -> None:
    assert code_of(ValueError("x")) is None


@pytest.mark.parametrize("error", [SystemExit(503), KeyboardInterrupt(), MemoryError()])
def test_exceptions_that_end_programs_get_no_opinion(error: BaseException) -> None:
    """Also where an exit code looks like an HTTP status."""
    assert code_of(error) is None


def bad_classify(_: BaseException) -> ResultCode:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "answer",
    [bad_classify, lambda _: "TemporaryFailure", lambda _: True],
    ids=["raises", "text", "bool"],
)
def test_broken_classify_counts_as_no_opinion(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, however long the chain, and the table decides."""
    error = chain(RuntimeError(), KeyError(), TimeoutError())

    code = code_of(error, classify=answer)

    assert code is TEMPORARY
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("s3batch_handler", logging.WARNING)
    assert "classified by the next rules" in record.getMessage()


def test_warning_about_classify_shows_neither_arguments_nor_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The ``repr`` of a partial has its arguments in it, and an answer may quote the failure."""

    def ask(error: BaseException, password: str) -> Any:
        return f"cannot judge {password}"

    code_of(ValueError(), classify=functools.partial(functools.partial(ask, password="swordfish")))

    (message,) = caplog.messages
    assert "swordfish" not in message
    assert "<locals>.ask returned str, not a ResultCode" in message


def test_classify_that_is_interrupted_stays_interrupted() -> None:
    """What ends a task on time must pass through."""

    def interrupted(_: BaseException) -> None:
        raise OutOfTime

    with pytest.raises(OutOfTime):
        code_of(ValueError(), classify=interrupted)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_classify_that_exits_has_no_opinion(kind: type[BaseException]) -> None:
    """It does not end the environment: the table decides."""

    def leave(_: BaseException) -> None:
        raise kind

    assert code_of(TimeoutError(), classify=leave) is TEMPORARY


@pytest.mark.parametrize("number", [1_001, 300_000])
def test_group_of_any_size_takes_no_time(number: int) -> None:
    """A thousand of its exceptions decide, and its description counts no more."""
    group = ExceptionGroup("many", [TimeoutError() for _ in range(number)])
    began = time.process_time()

    assert code_of(group) is TEMPORARY
    assert "at least 1,000 errors" in describe(group)
    assert time.process_time() - began < 1


def test_group_that_contains_itself() -> None:
    """It comes to an end."""

    class Endless(ExceptionGroup[Exception]):
        @property
        def exceptions(self) -> tuple[Exception, ...]:  # type: ignore[explicit-override]
            return (self, TimeoutError())

    group = Endless("endless", [TimeoutError()])

    assert code_of(group) is TEMPORARY
    assert describe(group).startswith("Endless: endless")


@pytest.mark.parametrize("depth", [10, 600])
def test_groups_nested_in_causes(depth: int) -> None:
    """However deep, they are classified and described without an error of our own."""
    error: Exception = TimeoutError("slow")
    for _ in range(depth):
        outer = ValueError("outer")
        outer.__cause__ = ExceptionGroup("inner", [error])
        error = outer

    assert code_of(error) in ({TEMPORARY} if depth < 50 else {TEMPORARY, None})
    assert describe(error).startswith("ValueError: outer")


def test_outermost_opinion_decides() -> None:
    """Who caught a time-out and gave up has the last word."""
    assert code_of(chain(PermanentFailure("no"), TimeoutError())) is PERMANENT


def test_cause_decides_where_the_outer_ones_have_no_opinion() -> None:
    assert code_of(chain(RuntimeError(), ValueError(), client_error("SlowDown"))) is TEMPORARY


def test_context_counts_as_a_cause() -> None:
    """An exception raised in an ``except`` block is about the one being handled."""

    def convert() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError("could not load")

    assert code_of(raised(convert)) is TEMPORARY


def test_suppressed_context_does_not_count() -> None:
    """``from None`` says: that one has nothing to do with it."""

    def convert() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError("could not load") from None

    assert code_of(raised(convert)) is None


@pytest.mark.parametrize("attribute", ["__cause__", "__context__"])
def test_circular_chain_ends(attribute: str) -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    setattr(first, attribute, second)
    setattr(second, attribute, first)

    assert code_of(first) is None
    assert describe(first) == "RuntimeError: first"


def test_very_long_chain_is_followed() -> None:
    links = [RuntimeError() for _ in range(20_000)]

    assert code_of(chain(*links, TimeoutError())) is TEMPORARY


def test_group_is_judged_by_its_leaves(subtests: pytest.Subtests) -> None:
    """One leaf that stays fails the task for good; another try needs all of them to agree."""
    for leaves, expected in [
        ([TimeoutError(), client_error("SlowDown")], TEMPORARY),
        ([TimeoutError(), client_error("NoSuchKey")], PERMANENT),
        ([ValueError(), client_error("NoSuchKey")], PERMANENT),
        ([TimeoutError(), ValueError()], None),
        ([chain(ValueError(), TimeoutError())], TEMPORARY),
        ([ExceptionGroup("inner", [TimeoutError()]), TimeoutError()], TEMPORARY),
        ([ExceptionGroup("inner", [PermanentFailure()]), TimeoutError()], PERMANENT),
    ]:
        with subtests.test(leaves=leaves):
            assert code_of(ExceptionGroup("g", leaves)) is expected


def test_undecided_group_leaves_it_to_its_own_chain() -> None:
    error = chain(ExceptionGroup("g", [ValueError()]), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_group_may_be_named_in_the_options() -> None:
    """A user who lists a group class means it, whatever is in it."""

    class AllReplicasFailed(ExceptionGroup[Exception]):
        pass

    error = AllReplicasFailed("g", [client_error("NoSuchKey")])

    assert code_of(error, retry_on=(AllReplicasFailed,)) is TEMPORARY


def test_group_whose_leaf_leads_back_to_it_ends() -> None:
    leaf = ValueError()
    group = ExceptionGroup("g", [leaf, TimeoutError()])
    leaf.__cause__ = group

    assert code_of(group) is None


def test_groups_of_groups_in_contexts_stay_cheap() -> None:
    """Each failed try drags the earlier ones along, in every leaf: that must not explode."""
    group: BaseException | None = None
    for _ in range(60):
        leaves = [ValueError(), KeyError()]
        for leaf in leaves:
            leaf.__context__ = group
        group = ExceptionGroup("g", leaves)
    assert group is not None

    assert code_of(group) is None


leaf_kinds = st.sampled_from([TimeoutError, PermanentFailure, ValueError])
trees = st.recursive(
    leaf_kinds.map(lambda kind: kind()),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda i: ExceptionGroup("g", i)),
    max_leaves=20,
)


@given(trees)
def test_nesting_of_groups_does_not_matter(error: Exception) -> None:
    """However leaves are grouped, they decide as one flat list of them would."""

    def leaves(error: BaseException) -> list[BaseException]:
        if isinstance(error, BaseExceptionGroup):
            return [leaf for each in error.exceptions for leaf in leaves(each)]
        return [error]

    codes = {code_of(leaf) for leaf in leaves(error)}
    expected = PERMANENT if PERMANENT in codes else TEMPORARY if codes == {TEMPORARY} else None

    assert code_of(error) is expected
