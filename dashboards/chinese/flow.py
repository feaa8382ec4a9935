"""What the panels on the flow of work and on iterations say in Chinese, by their English titles."""

from __future__ import annotations

BANDS = """\
**状态带：** 每日结束时处于各阶段的{items}数，已完成在最下方。某一带变宽，就是工作在那里排队；
顶部与 done 之间的高度是系统中的工作量。

阶段由状态变更历史得出，全部历史都按今天的阶段映射计算。重新打开的{items}会离开 done，
因此 done 可能下降。被移除的{items}计到移除之日为止。done 与 dropped 只含在所选时段内进入的
（`done_from=range`），否则会盖住其余部分。不属于任何阶段的状态显示为 `unmapped`。
最后一天只计到目前为止。

{remark}"""

ARRIVALS = """\
**累计到达：** 到每日结束时，曾到达各阶段或更后阶段的{items}数；各线从不下降，也从不相交。
两线间的垂直距离是其间的工作量，水平距离近似为平均时长。

跳过的阶段视为已经过，退回不会使线下降，放弃的{items}视为到达 done。尚未进入已映射阶段的不算到达任何阶
段。重新打开在此不显示。

{remark}"""

WIP = """\
**在制品：** 每日结束时处于各工作阶段的{items}数，从第一个进行中阶段起，到完成之前。
第一个进行中阶段之前的等待是待办，不是在制品。

虚线是配置的上限，整个时段都按今天的值。只有所涉产品都设了上限、且未选版本或迭代时才显示。"""

THROUGHPUT = """\
**吞吐量：** 每周到达 done 的{items}数，每项只计一次，计在最后一次进入 done 的那一周，
前提是所选时段结束时仍在 done。完成之后才移除的也计入。

dropped 是同样口径下被拒绝或取消的，不算吞吐量。最后一周只计到目前为止。"""

LEAD = """\
**前置时间：** 从{items}创建到最后一次进入 done，计在进入的那一周。p50 是中位数，100 个里有 85 个不超
过 p85。

只含所选时段结束时处于 done 的{items}；重新打开后尚未再次完成的不计。按变更日期在创建之前就已完成的没有
前置时间，个数见 `negative_n`。`completed_n` 是变更记录缺失、
按 TAPD 的 `completed` 计时的需求数。柱形是{items}个数（右轴）；少于五个时没有 p85。"""

CYCLE = """\
**周期时间：** 从{items}首次进入进行中阶段到最后一次进入 done，计在进入 done 的那一周。
重新打开之后的时间也计入。

从未进入进行中阶段的没有周期时间，个数见 `skipped_n`；按变更日期在创建之前就已完成的也没有，个数见
`negative_n`。其中 `completed_n` 是变更记录缺失的需求数。柱形是{items}个数（右轴）；少于五个时没有 p85。"""

STAGE_TIME = """\
**阶段停留时间：** 已完成的{items}在各未结束阶段停留的时长，多次进入合计，计在完成的那一周，取中位数。

每个阶段只含曾在其中的{items}。停留时间超过其中工作所需的阶段就是排队。没有阶段的状态是 `unmapped`。"""

EFFICIENCY = """\
**流动效率：** 已完成的{items}在进行中与等待阶段的时间里，进行中所占的比例，计在完成的那一周：中位数，
以及所含的{items}个数（柱形，右轴）。

没有配置或推断出等待阶段时没有此值。其余时间里没有人在处理。"""

AGE = """\
**在制品时长：** 每日结束时在制的{items}到那时已在制多久。

从最近一次完成或放弃之后首次进入工作阶段算起：重新打开的{items}重新计时。今天的时长算到此刻。
柱形是个数（右轴）；点击线条可列出最久的。"""

READOFF = """\
**由累计到达估算**，取整个所选时段：到达线与完成线的水平距离是前置时间，done 的斜率是吞吐量，
垂直距离是系统中的工作量。

residual 是该工作量减去吞吐量与前置时间之积：接近 0 说明利特尔法则成立，
而它只在工作量相等的两点之间成立。{items}实际花了多久，见前置时间与周期时间。"""

BURNUP = """\
**燃起图：** 每日结束时迭代内的{items}数（scope）与其中已完成的（done）。committed 是开始日结束时的范
围；ideal 从那时的 0 直线上升，到结束日结束时达到全部承诺。

放弃的{items}留在范围内，永不算完成。迭代改名没有影响。没有计划开始日就没有承诺，
没有结束日就没有 ideal。{remark}"""

SCOPE = """\
**范围变更：** 迭代开始日之后，每日进入（added）与离开（removed）迭代的{items}数。

离开又回来的两边都计。从开始日起，scope 等于 committed 加上全部 added 减去全部 removed。
最后一天只计到目前为止。"""

BURNDOWN = """\
**燃尽图：** 每日结束时迭代内未完成的{items}数（remaining）及其变化：零线以上是 added 与 reopened，
以下是 done 与 removed。

done 是从未结束状态完成或放弃的；removed 是在未结束时移出、删除或合并的。remaining 等于前一天
加 added 与 reopened，减 done 与 removed。"""

STORIES = {
    "items": "需求",
    "remark": "只计没有子需求的需求：父需求随子需求流转。\n迭代是各需求当日所在的迭代。",
    "planned": "只计没有子需求的需求。",
}
BUGS = {
    "items": "缺陷",
    "remark": "版本是各缺陷当日的版本。",
    "planned": "缺陷所在的迭代是 TAPD 中为它计划的迭代。",
}

# By the English title, "items" standing for stories or bugs.
BOTH = {
    "Cumulative flow: items by stage at the end of the day": BANDS,
    "Arrivals: items that reached a stage or went beyond": ARRIVALS,
    "Work in progress: items": WIP,
    "Age of work in progress: items": AGE,
    "Throughput: items per week": THROUGHPUT,
    "Lead time: items": LEAD,
    "Cycle time: items": CYCLE,
    "Time in stage: items": STAGE_TIME,
    "Flow efficiency: items": EFFICIENCY,
    "Approximate, read off the arrivals: items": READOFF,
    "Burn-up: items": BURNUP.replace("{remark}", "{planned}"),
    "Scope change: items": SCOPE,
    "Burndown: items": BURNDOWN,
}
TEXTS = {
    title.replace("items", name): text.format_map(words)
    for name, words in (("stories", STORIES), ("bugs", BUGS))
    for title, text in BOTH.items()
} | {
    "Arrivals and departures per day": """\
**每日：** 使遗留缺陷增加的（零线以上：created、reopened、moved in）与减少的（零线以
下：closed、removed、moved out）。上减下就是当日未关闭缺陷的变化。

closed 是从未结束阶段进入 done 或 dropped；在这两者之间移动不计。removed 是删除或合并时尚未关闭的缺
陷。moved in 与 moved out 是因所选字段变化或在工作区之间移动而进入或离开所选范围的未关闭缺陷。""",
    "Open bugs": """\
**未关闭的缺陷：** 每日结束时不在 done 或 dropped 阶段的缺陷，未映射的也包括在内。

等于前一天加 created、reopened、moved in，减 closed、removed、moved out。空缺是没有采集的日子。""",
    "Effort left: stories": """\
**剩余工时：** 迭代内未完成需求在 TAPD 中的剩余工时（小时），取每日结束时的值。

修改估算也会使线变化。没有估算的需求不占工时：unestimated_n 是其个数（柱形，右轴），这样的需求多时，
此线说明不了什么。""",
    "Bugs per story": """\
**缺陷密度：** 与迭代内需求关联的缺陷，平均到每个需求（density）与每单位规模（per_size），
不论缺陷处于什么阶段。

只计需求与缺陷之间的关联。迭代内没有关联的缺陷（unlinked_n）从不分摊到需求上：这样的缺陷多时，
密度偏低。""",
    "Forecast: stories": """\
**完成预测：** 如果今后与最近 8 周相同，迭代内未完成的需求有 50 % 与 85 % 的可能在所示日期前完
成；remaining 是未完成数，n 是产品各团队这几周完成的个数，不论属于哪个迭代。

由最近各日完成数抽样模拟 10,000 次得出。完成少于 20 个时没有日期；尚未提出的工作不在预测之内。
日期按浏览器所在时区显示。""",
}
