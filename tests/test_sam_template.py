"""``template.yaml`` before those who know what AWS takes: SAM, cfn-lint, checkov."""

from __future__ import annotations

import json

import pytest

from tests.sam_cli import PROJECT, needs_sam, tool

pytestmark = [pytest.mark.application, needs_sam]

TEMPLATE = PROJECT / "template.yaml"


def test_sam_validates_the_template() -> None:
    """``sam validate --lint``, as ``samconfig.toml`` has it by default."""
    said = tool("sam", "validate", "--template", TEMPLATE, "--lint")

    assert "is a valid SAM Template" in said


def test_cfn_lint_has_nothing_to_say() -> None:
    """Not with all its rules, those for mere information included."""
    said = tool("cfn-lint", "--include-checks", "I", "--", str(TEMPLATE))

    assert said == ""


def test_checkov_finds_nothing_that_is_not_explained() -> None:
    """What is left as it is says why, in the template; and no excuse is left over."""
    text = TEMPLATE.read_text()

    said = json.loads(
        tool(
            *("checkov", "--file", str(TEMPLATE), "--framework", "cloudformation"),
            *("--skip-download", "--output", "json"),
        )
    )

    skipped = [one["check_id"] for one in said["results"]["skipped_checks"]]
    assert said["summary"]["failed"] == 0
    assert said["summary"]["passed"] > 20
    assert sorted(skipped) == sorted(
        line.split("id:")[1].strip() for line in text.splitlines() if "id: CKV" in line
    )
    assert all(one["check_result"]["suppress_comment"] for one in said["results"]["skipped_checks"])
