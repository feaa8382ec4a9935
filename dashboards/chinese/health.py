"""What the panels on collecting say in Chinese, by their English titles, and what dashboards are about."""

from __future__ import annotations

TEXTS = {
    "Data as of … ago": """\
**数据截至**多久以前：这些数字所需的数据中，最久未读取的那一项最后一次成功读取的开始时间，
按每个 TAPD 与 GitLab 分别给出。

此后发生的事不在这些数字里。没有值表示从未读取过任何数据。是哪个采集器、为什么，见 “数据健康”。""",
    "Age per collector": """\
**各采集器的数据时效：** 最后一次成功的采集是多久以前开始的，取最久的范围（工作区或项目）。
其他面板的数字与最旧的采集器一样旧。

在某范围从未成功的采集器，从第一次失败算起。有些很少运行，需求与缺陷的关联每六小时一次：
哪些过旧见旁边的面板。""",
    "Overdue": """\
**超时未采集：** 时效超出计划多少，取超出最多的范围。零表示按时。

某范围连续三个计划间隔、且至少 30 分钟没有读取，即为超时。
告警规则 “stale” 以此为准。`engmetrics status` 列出每个范围及其最后的错误。""",
    "Failing runs": """\
**失败的采集**，每小时，按采集器。随进程停止的采集不算失败。

单次失败由下一次采集补上；同一范围失败多次时触发告警规则 “failing”。`engmetrics status` 显示错
误，`engmetrics doctor` 区分凭据、配额与网络。""",
    "Runs": """\
**采集次数：** 每小时开始且已结束的采集，按采集器：一次采集读取一个范围。

所有采集器都停止时，`engmetrics collect` 没有运行。只有一个停止时，可能正有一次很长的采集，
首次采集就是如此。""",
    "Records read": """\
**读取的记录数**，每小时，按采集器：该小时开始的采集从上游得到的记录，已知的也包括在内。
除以采集次数就是每次采集带来的数量。

每次采集都会重读上一次的那一天，因此很少为零。某采集器忽然什么也没读到，或读到全部，值得看一看。""",
    "Quarantine": """\
**隔离区：** 无法理解或无法存储的记录，按进入的时间；任何数字都不含它们。

后来成功重读的记录会从整条线中消失。`engmetrics quarantine list` 显示原
因，`engmetrics quarantine retry` 重新读取。""",
    "Missing records": """\
**缺失的记录：** 上次按月比对个数时 TAPD 与存储不一致、且未能修复的记录：没有存下的，
或存下而上游已不存在的。

只列出曾经不一致的；零表示已修复。每晚比对一次。""",
    "Broken chains": """\
**断裂的变更链：** 变更前后不衔接，或不能到达今天状态的缺陷与需求。这样的历史在后一次变更处修补，
因此过去的某些日子可能不准。

`engmetrics status --quality` 列出这些条目。在批量导入或批量编辑的工作区里，有一些是正常的。""",
    "Unmapped statuses": """\
**未映射的状态：** 缺陷或需求现在或曾经处于的、不属于任何阶段的状态，在累积流图中显示为 `unmapped`。
数字是涉及多少个工作区；`N/A` 为零表示没有。

请在配置中把它们加入产品的某个阶段；此后全部历史都按新的阶段计算。""",
}
# What dashboards and variables are about, by what they say in English.
ABOUT = {
    "How stories and bugs flow through the stages: how many wait where, how many arrive and leave, how long "
    "it takes.": "需求与缺陷如何流经各阶段：在哪里等待多少，流入流出多少，需要多久。",
    "Whether collecting goes on, how old the numbers are, and what is known to be missing or wrong.": (
        "采集是否在进行，数字有多旧，已知缺失或有误的有哪些。"
    ),
    "Bugs created, fixed, closed and open; by severity, priority, module, version and stage; how old they "
    "are, how long fixing takes, and how many come back.": (
        "新增、修复、关闭与遗留的缺陷；按严重程度、优先级、模块、版本与阶段；"
        "存在多久，修复需要多久，多少会回来。"
    ),
    "One iteration: what was committed, how its scope changed, how much is done, and a forecast.": (
        "一个迭代：承诺了什么，范围如何变化，完成了多少，以及预测。"
    ),
    "Whether a version may go out: the defect index against its gate, fatal and serious bugs, what "
    "remains.": ("某版本能否发布：缺陷指数与门禁，致命与严重缺陷，还剩什么。"),
    "Products as configured; All asks for every product as one population.": (
        "配置的产品；All 把所有产品作为一个整体。"
    ),
    "Versions among the chosen products' bugs. All includes bugs without a version, N/A is only those.": (
        "所选产品的缺陷所具有的版本。All 包括没有版本的缺陷，N/A 只含没有版本的。"
    ),
    "Iterations of the chosen products, newest first. All includes stories that are in none.": (
        "所选产品的迭代，最新的在前。All 包括不在任何迭代中的需求。"
    ),
    "Iterations of the chosen products, newest first.": "所选产品的迭代，最新的在前。",
    "What reads one kind of record, as tapd.bugs; some read what belongs to no product.": (
        "读取一类记录的程序，例如 tapd.bugs；有些读取不属于任何产品的记录。"
    ),
}
# The words that panels show in the place of numbers.
SHOWN = {
    "GO": "可以发布",
    "NO-GO": "不可发布",
    "not known": "未知",
    "within": "通过",
    "suffix: over": "suffix: 超出",
}
