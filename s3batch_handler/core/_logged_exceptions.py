"""Exceptions for a log with a traceback, without credentials and quoted input."""

from __future__ import annotations

from typing import Any, Final

from s3batch_handler.core._redaction import redact, redacted_text

_LONGEST_TEXT: Final = 4000  # characters of one exception in a traceback
_MAX_LINKED: Final = 100  # exceptions of one traceback


def redact_exception(error: BaseException) -> BaseException:
    """Return an exception to log: the exception itself, if nothing has to be removed, or a copy.

    The copy has another class of the same name, the same traceback and the redacted text. The
    causes of the exception and the members of a group are copied in the same way.
    """
    linked = _Linked(error)
    texts = {id(each): _text_for_log(each) for each in linked.exceptions}
    if linked.is_complete and not any(changed for _, changed in texts.values()):
        return error
    copies = {id(each): _copy(each, texts[id(each)][0]) for each in linked.exceptions}
    for each in linked.exceptions:
        copy = copies[id(each)]
        copy.__traceback__ = each.__traceback__
        copy.__cause__ = copies.get(id(each.__cause__))
        copy.__context__ = copies.get(id(each.__context__))
        copy.__suppress_context__ = each.__suppress_context__
        if id(each) in linked.members:
            vars(copy)["members"] = [copies[id(member)] for member in linked.members[id(each)]]
        for note in _notes(each):
            copy.add_note(redact(note, _LONGEST_TEXT))
    return copies[id(error)]


class _Linked:
    """An exception and all exceptions that its traceback shows.

    Attributes:
        exceptions: Each of them once, up to a limit.
        members: Of each group among them, by its ``id()``: no exception is in two groups.
        is_complete: Whether no exception was left out, because of the limit or a circle of groups.
    """

    def __init__(self, error: BaseException) -> None:
        self._found = {id(error): error}
        self.members: dict[int, list[BaseException]] = {}
        self.is_complete = True
        waiting = [error]
        while waiting:
            exception = waiting.pop()
            if isinstance(exception, BaseExceptionGroup):
                members = [each for each in exception.exceptions if self._add(each)]
                self.is_complete &= len(members) == len(exception.exceptions)
                self.members[id(exception)] = members
                waiting += members
            for other in (exception.__cause__, exception.__context__):
                if other is not None and self._add(other):
                    waiting.append(other)
                elif other is not None:
                    self.is_complete &= id(other) in self._found
        self.exceptions = list(self._found.values())

    def _add(self, exception: BaseException) -> bool:
        if id(exception) in self._found or len(self._found) >= _MAX_LINKED:
            return False
        self._found[id(exception)] = exception
        return True


def _text_for_log(error: BaseException) -> tuple[str, bool]:
    """Return the text to log, and whether the traceback of the original would show another."""
    try:
        original = str(error)
        text = redacted_text(error, _LONGEST_TEXT)
    except Exception:  # __str__ is code of the user
        return "(its text cannot be shown)", True
    if len(original) > _LONGEST_TEXT:
        return f"{text}…", True
    beside = _notes(error)
    if isinstance(error, SyntaxError):  # a traceback shows the line
        beside.append(str(error.text or ""))
    return text, text != original or any(redact(part) != part for part in beside)


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def _copy(error: BaseException, text: str) -> BaseException:
    attributes: dict[str, Any] = {
        "__module__": type(error).__module__,
        "__qualname__": type(error).__qualname__,
        "__str__": lambda _: text,
    }
    name = type(error).__name__
    copy: BaseException
    if isinstance(error, BaseExceptionGroup):
        # The members are not copied yet, and the attribute of a group cannot be set later.
        attributes["exceptions"] = property(lambda group: tuple(vars(group).get("members", ())))
        copy = type(name, (BaseExceptionGroup,), attributes)("", [Exception()])
    else:
        copy = type(name, (Exception,), attributes)()
    return copy
