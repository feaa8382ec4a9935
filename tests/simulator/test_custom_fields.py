"""The custom fields of the generated company."""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.company import generate
from simulator.products import CAR, DRIVE

CAUSES = {"需求", "设计", "编码", "配置"}


def test_both_workspaces_have_the_same_fields_by_name_and_a_history_of_them() -> None:
    company = generate(now=datetime(2026, 3, 6, 4, tzinfo=UTC), bugs=120, days=90, stories=0)
    calls = {}
    for product in (DRIVE, CAR):
        workspace = company.workspaces[product.workspace_id]
        calls[product.name] = {row["name"]: row["custom_field"] for row in workspace.custom_fields}
        cause = calls[product.name]["Root cause 1.0"]
        told = [row for row in workspace.changes if row["field"] == cause]
        assert len(told) > 20
        assert {one for row in told for one in str(row["new_value"] or "").split("|")} - {"", "--"} <= CAUSES
        assert any("|" in str(row["new_value"] or "") for row in told)
        # Whoever is asked to look is named as TAPD names people.
        tester = calls[product.name]["验收人"]
        assert any(str(bug[tester]).endswith(";") for bug in workspace.bugs.values() if bug.get(tester))
    first, second = calls.values()
    assert list(first) == list(second) == ["发现环境", "Root cause 1.0", "验收人", "备注", "商业价值"]
    assert first["Root cause 1.0"] != second["Root cause 1.0"]
