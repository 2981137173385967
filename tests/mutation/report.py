"""Report the mutants that no test has killed: ``scripts/mutation`` runs this.

Reads the results of mutmut in ``mutants/``, and ``survivors.toml`` with the reasons why mutants
survive. Writes ``README.md``. Fails if too few mutants were killed, or if a survivor has no reason.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MINIMUM = 90  # percent of the mutants that tests must kill


class Mutant(NamedTuple):
    """A change of one function, and the result of its tests."""

    module: str
    function: str
    status: str
    removed: str
    added: str


def main() -> None:
    made = [*read_mutants()]
    mutants = [mutant for mutant in made if mutant.status not in UNFINISHED]
    if not mutants:
        raise SystemExit("mutants/ has no results: run scripts/mutation")
    reasons = tomllib.loads((HERE / "survivors.toml").read_text())["reason"]
    survivors = [mutant for mutant in mutants if mutant.status not in KILLED]
    explained = [(mutant, reason_for(mutant, reasons)) for mutant in survivors]
    (HERE / "README.md").write_text("\n".join(page(made, mutants, explained)) + "\n")

    score = percent_killed(mutants)
    print(f"{len(mutants)} of {len(made)} mutants tested, {score:.1f} % killed")
    problems = [
        f"no reason in survivors.toml: {mutant.module} {mutant.function}\n"
        f"  - {mutant.removed}\n  + {mutant.added}"
        for mutant, reason in explained
        if reason is None
    ]
    if score < MINIMUM:
        problems.append(f"less than {MINIMUM} % of the mutants were killed")
    if problems:
        sys.exit("\n".join(problems))


KILLED = {"killed", "timeout", "segfault"}
UNFINISHED = {"not checked", "check was interrupted by user"}


def read_mutants() -> Iterator[Mutant]:
    """Yield the mutants of the last run of mutmut, in the current folder."""
    from mutmut.__main__ import walk_mutatable_files
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, exit_code in data.exit_code_by_key.items():
            status = status_by_exit_code[exit_code]
            removed = added = ""
            if status not in KILLED | UNFINISHED:
                diff = get_diff_for_mutant(name, path=path).splitlines()[2:]
                removed = _changed_lines(diff, "-")
                added = _changed_lines(diff, "+")
            module, _, mangled = name.rpartition(".")
            yield Mutant(
                module.removeprefix("s3batch_handler."), _function(mangled), status, removed, added
            )


def _changed_lines(diff: list[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in diff if line.startswith(sign))


def _function(mangled: str) -> str:
    """Return the name of a function: ``xǁClassǁname__mutmut_3`` → ``Class.name``."""
    name = re.sub(r"__mutmut_\d+$", "", mangled)
    return name[2:] if name.startswith("x_") else name[2:].replace("ǁ", ".")


def reason_for(mutant: Mutant, reasons: list[dict[str, str]]) -> str | None:
    """Return why a mutant survives, or ``None`` if no reason is listed."""
    place = f"{mutant.module}.{mutant.function}"
    for reason in reasons:
        if re.search(reason.get("function", ""), place) and re.search(
            reason["change"], f"{mutant.removed} → {mutant.added}"
        ):
            return reason["why"]
    return None


def percent_killed(mutants: list[Mutant]) -> float:
    killed = sum(mutant.status in KILLED for mutant in mutants)
    return 100 * killed / len(mutants)


def page(
    made: list[Mutant], mutants: list[Mutant], explained: list[tuple[Mutant, str | None]]
) -> Iterator[str]:
    yield (HERE / "introduction.md").read_text()
    yield f"Last run: {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}.\n"
    yield "| module | mutants | tested | killed, of the tested |"
    yield "| --- | --- | --- | --- |"
    for module in sorted({mutant.module for mutant in mutants}):
        number = sum(mutant.module == module for mutant in made)
        own = [mutant for mutant in mutants if mutant.module == module]
        yield f"| `{module}` | {number} | {len(own)} | {percent_killed(own):.1f} % |"
    yield f"| all | {len(made)} | {len(mutants)} | {percent_killed(mutants):.1f} % |"
    yield "\n## Survivors\n"
    yield "| mutants | function | why no test fails |"
    yield "| --- | --- | --- |"
    counts = Counter((f"{m.module}.{m.function}", why or "") for m, why in explained)
    for (function, why), number in sorted(counts.items()):
        yield f"| {number} | `{function}` | {why} |"


if __name__ == "__main__":
    main()
