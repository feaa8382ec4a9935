"""``python -m simulator``: a company on a simulated TAPD and GitLab, living on while it is served."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import ujson

from simulator.clock import utc_now
from simulator.company import DAYS, generate
from simulator.gitlab import GitlabAccount
from simulator.life import hasten, live
from simulator.products import PRODUCTS
from simulator.records import Company
from simulator.running import Running, running
from simulator.tapd import TapdAccount
from simulator.webhooks import GitlabSender, TapdSender
from simulator.webhooks_live import Outbox


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--tapd-port", type=int, default=0, help="port of TAPD, 0 for a free one")
    parser.add_argument("--gitlab-port", type=int, default=0, help="port of GitLab, 0 for a free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same company")
    parser.add_argument("--bugs", type=int, default=3000, help="at least so many bugs (default %(default)s)")
    parser.add_argument("--stories", type=int, help="about so many stories (default: a third of the bugs)")
    parser.add_argument("--days", type=int, default=DAYS, help="age of the company (default %(default)s)")
    parser.add_argument("--quota", type=int, default=6000, help="TAPD requests a minute, 0 for no limit")
    parser.add_argument(
        "--gitlab-quota", type=int, default=2000, help="GitLab requests a minute, 0 for no limit"
    )
    parser.add_argument(
        "--events-per-minute",
        type=float,
        default=0.0,
        help="let the future happen at this pace, stamped with the present (default: at its natural pace)",
    )
    parser.add_argument(
        "--born",
        type=datetime.fromisoformat,
        help="the instant the company was generated for, to have the same one again (default: now)",
    )
    parser.add_argument(
        "--journal", type=Path, help="note what was made to happen early there, and make it happen again"
    )
    parser.add_argument("--tapd-webhook", metavar="URL", help="tell of what happens there, as TAPD does")
    parser.add_argument("--tapd-secret", default="", help="the secret in the body of TAPD's webhooks")
    parser.add_argument("--gitlab-webhook", metavar="URL", help="tell of what happens there, as GitLab does")
    parser.add_argument("--gitlab-token", default="", help="the X-Gitlab-Token of GitLab's webhooks")
    parser.add_argument("--gitlab-signing-key", default="", help="the whsec_ key they are signed with")
    parser.add_argument(
        "--ready-file", type=Path, help="write addresses and credentials there as JSON when ready"
    )
    return parser


def relive(company: Company, journal: Path | None, now: datetime) -> None:
    """Make happen again what a journal notes, then whatever was due until ``now``."""
    if journal is not None and journal.exists():
        for line in journal.read_text("utf-8").splitlines():
            noted = ujson.loads(line)
            hasten(company, datetime.fromisoformat(noted["now"]), noted["count"])
    live(company, now)


async def pass_time(company: Company, events_per_minute: float, journal: Path | None) -> None:
    """Let the company live on until cancelled: at its natural pace, or so many happenings a minute.

    What happens before its time is noted in the journal first, so that it can be made to happen again.
    """
    pause_s = 1.0 if events_per_minute <= 0 else max(min(60.0 / events_per_minute, 60.0), 0.2)
    owed = 0.0
    while True:
        await asyncio.sleep(pause_s)
        owed += events_per_minute * pause_s / 60
        if owed < 1:
            live(company, utc_now())
            continue
        now = utc_now()
        if journal is not None:
            note = ujson.dumps({"now": now.isoformat(), "count": int(owed)})
            await asyncio.to_thread(_append, journal, note)
        hasten(company, now, int(owed))
        owed -= int(owed)


def _append(journal: Path, line: str) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@asynccontextmanager
async def telling(company: Company, options: argparse.Namespace) -> AsyncIterator[None]:
    """Send the webhooks asked for, for what happens from now on."""
    async with contextlib.AsyncExitStack() as stack:
        tapd = gitlab = None
        if options.tapd_webhook:
            tapd = await stack.enter_async_context(TapdSender(options.tapd_webhook, options.tapd_secret))
        if options.gitlab_webhook:
            gitlab = await stack.enter_async_context(
                GitlabSender(
                    options.gitlab_webhook, options.gitlab_token, signing_key=options.gitlab_signing_key
                )
            )
        if tapd is None and gitlab is None:
            yield
            return
        sending = asyncio.create_task(Outbox(company, tapd=tapd, gitlab=gitlab).run())
        try:
            yield
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending


def announcement(servers: Running) -> dict[str, object]:
    """What a client needs to know: addresses and the fixed demonstration credentials."""
    tapd, gitlab = TapdAccount(), GitlabAccount()
    return {
        "tapd": servers.tapd_url,
        "tapd_company_id": servers.company.company_id,
        "tapd_user": tapd.user,
        "tapd_password": tapd.password,
        "tapd_token": tapd.token,
        "gitlab": servers.gitlab_url,
        "gitlab_token": gitlab.token,
        "products": [
            {
                "name": product.name,
                "workspaces": [product.workspace_id],
                "projects": [path for _, path in product.repositories],
            }
            for product in PRODUCTS
        ],
    }


async def serve(options: argparse.Namespace) -> None:
    """Generate, serve and live until SIGINT or SIGTERM."""
    company = generate(
        seed=options.seed,
        bugs=options.bugs,
        stories=options.stories,
        days=options.days,
        now=options.born,
    )
    relive(company, options.journal, utc_now())
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        telling(company, options),
        running(
            company,
            tapd_quota=options.quota or None,
            gitlab_quota=options.gitlab_quota or None,
            host=options.host,
            tapd_port=options.tapd_port,
            gitlab_port=options.gitlab_port,
        ) as servers,
    ):
        ready = announcement(servers)
        if options.ready_file is not None:
            await asyncio.to_thread(_write_whole, options.ready_file, ujson.dumps(ready))
        texts = {name: value for name, value in ready.items() if isinstance(value, str)}
        print(" ".join(f"{name}={value}" for name, value in texts.items()), flush=True)
        clock = asyncio.create_task(pass_time(company, options.events_per_minute, options.journal))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({clock, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (clock, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever waits for it never sees half of it."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


def main() -> None:
    """Run the command line."""
    asyncio.run(serve(arguments().parse_args()))


if __name__ == "__main__":
    main()
