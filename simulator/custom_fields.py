"""The custom fields of the generated company: what its workspaces ask for besides, and how it gets answered.

The second product calls its fields by other numbers, as workspaces that grew by themselves do.
"""

from collections.abc import Mapping
from random import Random

from simulator.products import PRODUCTS, Product, person
from simulator.shapes import Record
from simulator.tapd_store import WorkspaceStore

#: Entity, name, kind and options of each, and what TAPD calls it in the first and in the second product.
FIELDS = (
    ("bug", "发现环境", "select", "测试环境|预发布|生产环境", ("custom_field_one", "custom_field_one")),
    ("bug", "Root cause 1.0", "multi_select", "需求|设计|编码|配置", ("custom_field_two", "custom_field_9")),
    ("bug", "验收人", "user_chooser", None, ("custom_field_three", "custom_field_10")),
    ("bug", "备注", "text", None, ("custom_field_four", "custom_field_12")),
    ("story", "商业价值", "select", "高|中|低", ("custom_field_one", "custom_field_one")),
)


def found_fields(workspace: WorkspaceStore, product: Product) -> None:
    """Let a workspace have its fields."""
    for sort, (entity, name, kind, options, _) in enumerate(FIELDS, start=1):
        workspace.custom_fields.append(
            {
                "id": workspace.next_id("custom_field"),
                "workspace_id": workspace.id,
                "entry_type": entity,
                "custom_field": field_of(product, name),
                "type": kind,
                "name": name,
                "options": options,
                "extra_config": None,
                "enabled": "1",
                "sort": str(sort),
                "memo": None,
            }
        )


def field_of(product: Product, name: str) -> str:
    """What TAPD calls a field in the workspace of a product."""
    calls = next(calls for _, one, _, _, calls in FIELDS if one == name)
    return calls[PRODUCTS.index(product)]


def answered(product: Product, bug: Mapping[str, object], status: str | None) -> Record:
    """What is said of a bug that enters a status: why it came about, who will look, and a remark.

    Its chances are its own, so that nothing else in its life depends on them.
    """
    rng = Random(f"{bug['id']}/{bug['modified']}/{status}")
    cause, tester, remark = (field_of(product, name) for name in ("Root cause 1.0", "验收人", "备注"))
    if status == "resolved":
        causes = rng.sample(("需求", "设计", "编码", "配置"), rng.choice((1, 1, 1, 2)))
        return {cause: "|".join(causes)} | (
            {tester: f"{person(rng, product)};"} if rng.random() < 0.3 else {}
        )
    if status == "reopened":
        return {cause: "", remark: rng.choice(("仍可复现", "只修复了一半, 见截图"))}
    if status == "closed" and rng.random() < 0.1:
        return {field_of(product, "发现环境"): "生产环境"}
    return {}
