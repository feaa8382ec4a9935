"""The dashboards in Chinese: the same panels with Chinese words, built from the same source."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from dashboards import compatibility
from dashboards.chinese import defects, flow, health
from dashboards.datasources import Datasource

FOLDER = "zh"
_WRAPPED = re.compile(r"(?<!\n)\n(?!\n)")
# What panels say of themselves, by their English titles.
TEXTS = {**flow.TEXTS, **defects.TEXTS, **health.TEXTS}

# Titles of dashboards, rows and panels.
TITLES = {
    "Cumulative Flow": "累积流图",
    "Data Health": "数据健康",
    "Defect Analysis": "缺陷分析",
    "Iteration": "迭代",
    "Release Gate": "发布门禁",
    "Stories": "需求",
    "Bugs": "缺陷",
    "Backlog": "遗留缺陷",
    "Times and rates": "时长与比率",
    "Created, and activity": "新增与活动",
    "Collecting": "采集",
    "Records": "记录",
    "Data as of … ago": "数据截至（距今）",
    "Cumulative flow: stories by stage at the end of the day": "累积流图：每日结束时各阶段的需求数",
    "Cumulative flow: bugs by stage at the end of the day": "累积流图：每日结束时各阶段的缺陷数",
    "Arrivals: stories that reached a stage or went beyond": "累计到达：到达过各阶段的需求数",
    "Arrivals: bugs that reached a stage or went beyond": "累计到达：到达过各阶段的缺陷数",
    "Work in progress: stories": "在制品：需求",
    "Work in progress: bugs": "在制品：缺陷",
    "Age of work in progress: stories": "在制品时长：需求",
    "Age of work in progress: bugs": "在制品时长：缺陷",
    "Throughput: stories per week": "吞吐量：每周完成的需求",
    "Throughput: bugs per week": "吞吐量：每周完成的缺陷",
    "Lead time: stories": "前置时间：需求",
    "Lead time: bugs": "前置时间：缺陷",
    "Cycle time: stories": "周期时间：需求",
    "Cycle time: bugs": "周期时间：缺陷",
    "Time in stage: stories": "阶段停留时间：需求",
    "Time in stage: bugs": "阶段停留时间：缺陷",
    "Flow efficiency: stories": "流动效率：需求",
    "Flow efficiency: bugs": "流动效率：缺陷",
    "Approximate, read off the arrivals: stories": "由累计到达估算：需求",
    "Approximate, read off the arrivals: bugs": "由累计到达估算：缺陷",
    "Arrivals and departures per day": "每日流入与流出",
    "Open bugs": "未关闭的缺陷",
    "Forecast: stories": "完成预测：需求",
    "Burn-up: stories": "燃起图：需求",
    "Burn-up: bugs": "燃起图：缺陷",
    "Scope change: stories": "范围变更：需求",
    "Scope change: bugs": "范围变更：缺陷",
    "Burndown: stories": "燃尽图：需求",
    "Burndown: bugs": "燃尽图：缺陷",
    "Effort left: stories": "剩余工时：需求",
    "The time range in numbers": "所选时段概览",
    "Defect trend": "缺陷趋势",
    "Fixed and closed": "修复与关闭",
    "Overdue bugs": "逾期缺陷",
    "Serious bugs left untouched": "长时间无人处理的严重缺陷",
    "Open bugs by severity": "遗留缺陷：按严重程度",
    "Open bugs by priority": "遗留缺陷：按优先级",
    "Open bugs by stage": "遗留缺陷：按阶段",
    "Open bugs by module": "遗留缺陷：按模块",
    "Open bugs by version": "遗留缺陷：按版本",
    "Open bugs by age in days": "遗留缺陷：按存在天数",
    "Open bugs by severity and stage": "遗留缺陷：严重程度 × 阶段",
    "Bugs per version": "各版本的缺陷",
    "Fix time": "修复时长",
    "Response time": "响应时长",
    "Verify time": "验证时长",
    "Reopen rate": "重新打开率",
    "Invalid rate": "无效缺陷率",
    "Escape rate": "缺陷逃逸率",
    "Bugs created by bugtype": "新增缺陷：按缺陷类型",
    "Bugs created by originphase": "新增缺陷：按发现阶段",
    "GitLab activity": "GitLab 活动",
    "Go or no-go": "能否发布",
    "The gate in numbers": "门禁指标",
    "Fatal and serious bugs now": "当前的致命与严重缺陷",
    "Defect index against the gate": "缺陷指数（DI）与门禁",
    "Defect index by version": "缺陷指数（DI）：按版本",
    "Open fatal and serious bugs": "遗留的致命与严重缺陷",
    "Burndown of the version": "版本燃尽图",
    "Weight of the bugs created per week": "每周新增缺陷的 DI",
    "Found after the release, by version": "发布后发现的缺陷占比：按版本",
    "Bugs per story": "缺陷密度：每个需求的缺陷",
    "Age per collector": "各采集器的数据时效",
    "Overdue": "超时未采集",
    "Failing runs": "失败的采集",
    "Runs": "采集次数",
    "Records read": "读取的记录数",
    "Missing records": "缺失的记录",
    "Quarantine": "隔离区",
    "Broken chains": "断裂的变更链",
    "Unmapped statuses": "未映射的状态",
}
# What variables, annotations and links are called.
LABELS = {
    "Data source": "数据源",
    "Product": "产品",
    "Version": "版本",
    "Iteration": "迭代",
    "Collector": "采集器",
    "Iterations": "迭代",
    "Releases": "发布计划",
    "Git tags": "Git 标签",
    "Not collected": "未采集",
    "Stages changed": "阶段变更",
    "Items behind this number": "这个数字背后的条目",
    "What was collected": "采集情况",
    "engmetrics": "engmetrics",
}
# What panels call a series that nothing tells apart, and their axes; other series have the API's names, by
# which their links go.
NAMES = {
    "backlog": "遗留",
    "bugs": "缺陷",
    "came back": "曾回来",
    "done": "完成",
    "done in 8 weeks": "近 8 周完成",
    "dropped": "放弃",
    "effort": "工时",
    "events": "事件",
    "found in production": "生产环境发现",
    "index": "缺陷指数",
    "introduced": "新增",
    "items": "条目",
    "open": "未关闭",
    "open bugs": "未关闭的缺陷",
    "open now": "当前遗留",
    "overdue": "超时",
    "records": "记录",
    "release": "结论",
    "runs": "次数",
    "stories": "需求",
    "weight": "权重",
}


def translated(board: dict[str, Any], source: Datasource) -> dict[str, Any]:
    """Return a built dashboard in Chinese; raises ValueError for words that have no Chinese ones.

    It is a dashboard of its own beside the other, and links to those in its language.
    """
    made = deepcopy(board)
    tag = f"{source.name}-{FOLDER}"
    made["uid"] = made["uid"].replace(source.name, tag, 1)
    made["tags"] = [tag]
    before, after = source.title.split("{}")
    title = made["title"].removeprefix(before).removesuffix(after)
    made["title"] = source.title.format(_found(TITLES, title))
    made["description"] = _found(health.ABOUT, made["description"])
    for panel in compatibility.panels(made):
        _translate(panel)
        for link in panel.get("links", []):
            link["url"] = link["url"].replace(source.name, tag, 1)
    for variable in made["templating"]["list"]:
        variable["label"] = _found(LABELS, variable["label"])
        if variable.get("description"):
            variable["description"] = _found(health.ABOUT, variable["description"])
    for annotation in made["annotations"]["list"]:
        annotation["name"] = _found(LABELS, annotation["name"])
    for link in made["links"]:
        link["tags"] = [tag]
    return made


def _translate(panel: dict[str, Any]) -> None:
    """Give a panel its Chinese words: title and description, links, and what stands for numbers."""
    if panel["type"] != "row":
        # Chinese has no space where a line of the source ends.
        panel["description"] = _WRAPPED.sub("", _found(TEXTS, panel["title"]))
    panel["title"] = _found(TITLES, panel["title"])
    config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
    drawn = config["defaults"].get("custom", {})
    if drawn.get("axisLabel"):
        drawn["axisLabel"] = _found(NAMES, drawn["axisLabel"])
    for link in [*config["defaults"].get("links", []), *panel.get("links", [])]:
        link["title"] = _found(LABELS, link["title"])
    for override in config["overrides"]:
        for one in override["properties"]:
            if one["id"] == "links":
                for link in one["value"]:
                    link["title"] = _found(LABELS, link["title"])
            elif one["id"] in ("displayName", "custom.axisLabel"):
                one["value"] = _found(NAMES, one["value"])
            elif one["id"] == "mappings":
                for mapping in one["value"]:
                    _say(mapping)
            elif one["id"] == "unit" and one["value"] in health.SHOWN:
                one["value"] = health.SHOWN[one["value"]]


def _say(value: Any) -> None:
    """Put Chinese words into a value mapping."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            _say(inner)
        elif key == "text":
            value[key] = _found(health.SHOWN, inner)


def _found(words: dict[str, str], text: str) -> str:
    if text not in words:
        raise ValueError(f"{text!r} has no Chinese words: add them to dashboards/chinese")
    return words[text]
