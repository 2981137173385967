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
def test_task_failure_decides(kind: type[TaskFailure]) -> None:
    """Its code counts, and no rule is applied."""
    code = code_of(kind("x"), classify=lambda _: ResultCode.SUCCEEDED, retry_on=(kind,))

    assert code is kind.code


def test_subclass_of_a_task_failure_keeps_its_code() -> None:
    class NotAPhoto(PermanentFailure):
        pass

    assert code_of(NotAPhoto()) is PERMANENT


def test_subclass_of_a_task_failure_may_have_its_own_code(subtests: pytest.Subtests) -> None:
    """An HTTP status in ``code`` does not change the class's result code."""
    for own in [429, "busy", None]:
        for kind in [TemporaryFailure, PermanentFailure]:
            with subtests.test(own=own, kind=kind):

                class Refused(kind):  # type: ignore[misc,valid-type]
                    def __init__(self, code: object) -> None:
                        super().__init__("refused")
                        self.code = code

                assert code_of(chain(Refused(own), TimeoutError())) is kind.code


def test_class_of_failures_may_set_its_result_code() -> None:
    for code in ResultCode:
        kind = type("Refused", (TaskFailure,), {"code": code})

        assert code_of(kind("no")) is code


def test_cause_of_a_task_failure_without_a_code_decides() -> None:
    """The base class has no result code."""
    error = chain(TaskFailure("which?"), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_classify_comes_first() -> None:
    """The user's function comes before ``retry_on``, ``give_up_on`` and the tables."""
    code = code_of(
        TimeoutError(), classify=lambda _: PERMANENT, retry_on=(TimeoutError,), give_up_on=()
    )

    assert code is PERMANENT


def test_classify_may_call_a_failure_a_success() -> None:
    """The task may delete an object that was deleted before."""

    def gone_is_fine(error: BaseException) -> ResultCode | None:
        return ResultCode.SUCCEEDED if "NoSuchKey" in str(error) else None

    assert code_of(client_error("NoSuchKey"), classify=gone_is_fine) is ResultCode.SUCCEEDED
    assert code_of(client_error("SlowDown"), classify=gone_is_fine) is TEMPORARY


def test_classify_is_called_once_for_each_exception_of_the_chain() -> None:
    asked: list[BaseException] = []
    shared = OSError("shared")
    error = chain(
        RuntimeError(),
        ExceptionGroup("g", [chain(ValueError(), shared), chain(KeyError(), shared)]),
    )

    code_of(error, classify=asked.append)

    kinds = [type(each) for each in asked]
    assert kinds == [RuntimeError, ExceptionGroup, ValueError, OSError, KeyError]


def test_retry_on_comes_before_give_up_on() -> None:
    """Subclasses count. An unnecessary retry costs less than a lost object."""
    code = code_of(
        FileNotFoundError(), retry_on=(FileNotFoundError,), give_up_on=(LookupError, OSError)
    )

    assert code is TEMPORARY


def test_give_up_on_comes_before_the_tables() -> None:
    assert code_of(TimeoutError(), give_up_on=(OSError,)) is PERMANENT


def test_unknown_exception_is_not_classified() -> None:
    assert code_of(ValueError("x")) is None


@pytest.mark.parametrize("error", [SystemExit(503), KeyboardInterrupt(), MemoryError()])
def test_exceptions_that_end_programs_are_not_classified(error: BaseException) -> None:
    """Even if an exit code looks like an HTTP status."""
    assert code_of(error) is None


def bad_classify(_: BaseException) -> ResultCode:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "answer",
    [bad_classify, lambda _: "TemporaryFailure", lambda _: True],
    ids=["raises", "text", "bool"],
)
def test_classify_that_raises_is_ignored(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The error is logged once for a chain, and the tables decide."""
    error = chain(RuntimeError(), KeyError(), TimeoutError())

    code = code_of(error, classify=answer)

    assert code is TEMPORARY
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("s3batch_handler", logging.WARNING)
    assert "classified by the next rules" in record.getMessage()


def test_warning_about_classify_has_neither_arguments_nor_return_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The ``repr`` of a partial contains arguments, and a return value may quote the failure."""

    def ask(error: BaseException, password: str) -> Any:
        return f"cannot judge {password}"

    code_of(ValueError(), classify=functools.partial(functools.partial(ask, password="swordfish")))

    (message,) = caplog.messages
    assert "swordfish" not in message
    assert "<locals>.ask returned str, not a ResultCode" in message


def test_warning_about_classify_names_the_function_and_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Judge:
        def __call__(self, error: BaseException) -> None:
            raise LookupError("no rule")

    code_of(ValueError(), classify=Judge())

    assert caplog.messages == [
        "classify=Judge raised LookupError: no rule; the exception is classified by the next rules"
    ]


def test_causes_of_many_leaves_of_a_group_are_examined() -> None:
    """The limit of levels counts groups within causes, not groups beside each other."""
    leaves = [chain(ValueError(), ExceptionGroup("g", [TimeoutError()])) for _ in range(60)]

    assert code_of(ExceptionGroup("all", leaves)) is TEMPORARY


def test_interruption_of_classify_passes_through() -> None:
    """Otherwise a task would not end in time."""

    def interrupted(_: BaseException) -> None:
        raise OutOfTime

    with pytest.raises(OutOfTime):
        code_of(ValueError(), classify=interrupted)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_classify_that_exits_is_ignored(kind: type[BaseException]) -> None:
    """The environment does not end, and the tables decide."""

    def leave(_: BaseException) -> None:
        raise kind

    assert code_of(TimeoutError(), classify=leave) is TEMPORARY


@pytest.mark.parametrize("number", [1_001, 300_000])
def test_large_group_is_classified_and_described_quickly(number: int) -> None:
    """Only its first thousand exceptions count."""
    group = ExceptionGroup("many", [TimeoutError() for _ in range(number)])
    began = time.process_time()

    assert code_of(group) is TEMPORARY
    assert "at least 1,000 errors" in describe(group)
    assert time.process_time() - began < 1


def test_group_that_contains_itself() -> None:
    """Its classification ends."""

    class Endless(ExceptionGroup[Exception]):
        @property
        def exceptions(self) -> tuple[Exception, ...]:  # type: ignore[explicit-override]
            return (self, TimeoutError())

    group = Endless("endless", [TimeoutError()])

    assert code_of(group) is TEMPORARY
    assert describe(group).startswith("Endless: endless")


@pytest.mark.parametrize(("depth", "code"), [(50, TEMPORARY), (51, None), (600, None)])
def test_groups_nested_in_causes(depth: int, code: ResultCode | None) -> None:
    """At any depth, they are described; up to 50 levels are classified."""
    error: Exception = TimeoutError("slow")
    for _ in range(depth):
        error = chain(ValueError("outer"), ExceptionGroup("inner", [error]))

    assert code_of(error) is code
    assert describe(error).startswith("ValueError: outer")


def test_groups_beside_each_other_do_not_hide_how_deep_others_are() -> None:
    """Classification ends at the same level as without them."""
    error: Exception = TimeoutError("slow")
    for _ in range(200):
        beside = chain(ValueError(), ExceptionGroup("beside", [TimeoutError()]))
        error = chain(ValueError(), ExceptionGroup("inner", [beside, error]))

    assert code_of(error) is None


def test_outermost_classified_exception_decides() -> None:
    """Code that catches a timeout may raise a more specific error."""
    assert code_of(chain(PermanentFailure("no"), TimeoutError())) is PERMANENT


def test_cause_of_unclassified_exceptions_decides() -> None:
    assert code_of(chain(RuntimeError(), ValueError(), client_error("SlowDown"))) is TEMPORARY


def test_context_counts_as_a_cause() -> None:
    """An exception that is raised in an ``except`` block is a consequence of the first one."""

    def convert() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise ValueError("could not load")

    assert code_of(raised(convert)) is TEMPORARY


def test_suppressed_context_does_not_count() -> None:
    """``from None`` says that the first exception is unrelated."""

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


def test_group_is_classified_by_its_leaves(subtests: pytest.Subtests) -> None:
    """A permanent leaf makes the group permanent; it is temporary only if all leaves are."""
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


def test_cause_of_an_unclassified_group_decides() -> None:
    error = chain(ExceptionGroup("g", [ValueError()]), TimeoutError())

    assert code_of(error) is TEMPORARY


def test_group_may_be_named_in_the_options() -> None:
    """A user who lists a group's class means the group, not its leaves."""

    class AllReplicasFailed(ExceptionGroup[Exception]):
        pass

    error = AllReplicasFailed("g", [client_error("NoSuchKey")])

    assert code_of(error, retry_on=(AllReplicasFailed,)) is TEMPORARY


def test_group_whose_leaf_leads_back_to_it_ends() -> None:
    leaf = ValueError()
    group = ExceptionGroup("g", [leaf, TimeoutError()])
    leaf.__cause__ = group

    assert code_of(group) is None


def test_groups_of_groups_in_contexts_are_classified_quickly() -> None:
    """Each failed attempt is the context of the next one, in every leaf."""
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
def test_nested_groups_are_classified_like_a_flat_one(error: Exception) -> None:
    """However leaves are grouped, they decide as one flat list of them would."""

    def leaves(error: BaseException) -> list[BaseException]:
        if isinstance(error, BaseExceptionGroup):
            return [leaf for each in error.exceptions for leaf in leaves(each)]
        return [error]

    codes = {code_of(leaf) for leaf in leaves(error)}
    expected = PERMANENT if PERMANENT in codes else TEMPORARY if codes == {TEMPORARY} else None

    assert code_of(error) is expected
