"""The two products of the generated company: names, workflows, release calendars, teams and repositories."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from simulator.story_types import CAR_STORY, CAR_TECHNICAL, DRIVE_STORY, StoryType

#: Statuses that both workspaces know; a bug that changes workspace only ever has these.
SHARED_PATH = ("new", "in_progress", "resolved", "verified", "closed")


@dataclass(frozen=True)
class Product:
    """What stays the same about a product over its life."""

    workspace_id: str
    name: str
    share: float
    status_map: dict[str, str]
    path: tuple[str, ...]
    paused: str | None
    release_days: int
    versions: tuple[str, ...]
    modules: tuple[str, ...]
    team: range
    repositories: tuple[tuple[int, str], ...]
    iteration_name: str
    story_types: tuple[StoryType, ...]
    titles: tuple[str, ...] = field(repr=False, default=())

    def release_index(self, day: date, start: date) -> int:
        """Which release is being worked on that day, counted from the start; 0 before the first release."""
        return max((day - start).days, 0) // self.release_days

    def days_to_release(self, day: date, start: date) -> int:
        """Days until the next release of that day's calendar."""
        return self.release_days - max((day - start).days, 0) % self.release_days

    def version(self, index: int) -> str:
        """The name of the release with that index, as TAPD's version field writes it."""
        return self.versions[index % len(self.versions)].format(major=2 + index // 4, minor=index % 4)

    def reported_version(self, rng: Random, day: date, start: date) -> str:
        """The version a bug found that day is reported against: mostly the one in test, sometimes a
        released one.
        """
        index = self.release_index(day, start)
        just_released = self.days_to_release(day, start) > self.release_days - 10
        back = rng.choices((0, 1, 2), (45, 45, 10) if just_released else (84, 13, 3))[0]
        return self.version(max(index - back, 0))

    def ramp(self, day: date, start: date) -> float:
        """How much busier testing is that day than in the calm after a release."""
        left = self.days_to_release(day, start)
        grown = 0.65 + 0.35 * min((day - start).days / 120, 1.0)
        if left <= 4:
            return 1.3 * grown
        if left <= 18:
            return 2.1 * grown
        if left <= 28:
            return 1.4 * grown
        return 0.75 * grown


DRIVE = Product(
    workspace_id="20063271",
    name="云盘 & 协作",
    share=0.56,
    status_map={
        "new": "新",
        "in_progress": "接受/处理",
        "resolved": "已解决",
        "verified": "已验证",
        "reopened": "重新打开",
        "rejected": "已拒绝",
        "closed": "已关闭",
    },
    path=SHARED_PATH,
    paused=None,
    release_days=63,
    versions=(
        "v{major}.{minor}.0",
        "v{major}.{minor}.0 & 热修",
        "v{major}.{minor}.0+build7",
        "v{major}.{minor}.0#灰度",
        "v{major}.{minor}.0",
        "v{major}.{minor}.0 正式版",
    ),
    modules=(
        "登录 & 鉴权",
        "文件同步",
        "在线编辑 2.0",
        "C++ 内核",
        "分享#外链",
        "搜索",
        "桌面端.Windows",
        "消息通知",
    ),
    team=range(1, 16),
    repositories=((301, "drive/server"), (302, "drive/web-client"), (303, "drive/sync-engine")),
    iteration_name="{year}年 第{number}轮 ({start:%m.%d}~{end:%m.%d})",
    story_types=(DRIVE_STORY,),
    titles=(
        "文件同步",
        "在线编辑",
        "外链分享",
        "全文搜索",
        "登录",
        "回收站",
        "团队空间",
        "批量上传",
        "历史版本",
    ),
)

CAR = Product(
    workspace_id="20063288",
    name="智行 车载终端",
    share=0.44,
    status_map={
        "new": "新",
        "status_2": "待评审",
        "in_progress": "处理中",
        "status_3": "待转测",
        "status_4": "挂起",
        "resolved": "已解决",
        "verified": "实车验证通过",
        "reopened": "重新打开",
        "rejected": "已拒绝",
        "closed": "已关闭",
    },
    path=("new", "status_2", "in_progress", "status_3", "resolved", "verified", "closed"),
    paused="status_4",
    release_days=77,
    versions=(
        "车载 R{major}.{minor}",
        "车载 R{major}.{minor} (量产)",
        "R{major}.{minor}+OTA",
        "R{major}.{minor} & 地图包",
    ),
    modules=("地图.导航", "语音 + 唤醒", "蓝牙", "OTA 升级", "仪表盘", "倒车影像", "座舱#主题"),
    team=range(12, 29),
    repositories=((311, "car/terminal-app"), (312, "car/map-engine"), (313, "car/ota-service")),
    iteration_name="Sprint {number:02d} & 联调 {start:%y.%m.%d}",
    story_types=(CAR_STORY, CAR_TECHNICAL),
    titles=(
        "导航",
        "语音唤醒",
        "蓝牙连接",
        "OTA 升级",
        "仪表盘",
        "倒车影像",
        "主题切换",
        "车机启动",
        "离线地图",
    ),
)

PRODUCTS = (DRIVE, CAR)

_SYMPTOMS = (
    "点击保存后页面无响应",
    "偶现闪退",
    "切换语言后文案未更新",
    "弱网下一直转圈",
    "列表排序与筛选结果不一致",
    "首次打开白屏约 3 秒",
    "提示信息与实际操作不符",
    "深色模式下文字看不清",
    "重复点击产生两条记录",
    "升级后设置被重置",
    "时间显示相差 8 小时",
    "内存占用持续上涨",
    "权限变更后仍可访问",
    "中文文件名显示为乱码",
    "超过 100 条时翻页丢失数据",
    "返回上一页后输入内容丢失",
)
_WISHES = (
    "支持按团队统计用量",
    "批量操作",
    "导出为表格",
    "离线时可继续使用",
    "首次使用引导",
    "权限细分到文件夹",
    "响应时间降到 200ms",
    "适配折叠屏 & 大字号",
    "新旧版本并存 (灰度 10%)",
)
_PREFIXES = ("", "", "", "【兼容性】", "【性能】", "[回归] ", "【体验】")


def bug_title(rng: Random, product: Product) -> str:
    """A harmless title such as testers write."""
    return f"{rng.choice(_PREFIXES)}{rng.choice(product.titles)}：{rng.choice(_SYMPTOMS)}"


def story_title(rng: Random, product: Product) -> str:
    """A harmless wish such as product people write down."""
    return f"{rng.choice(product.titles)}：{rng.choice(_WISHES)}"


def release_day(product: Product, start: date, index: int) -> date:
    """The day on which the release with that index goes out."""
    return start + timedelta(days=product.release_days * (index + 1))


def person(rng: Random, product: Product) -> str:
    """Somebody of the product's team."""
    return f"user{rng.choice(product.team):02d}"
