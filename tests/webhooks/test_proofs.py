"""Who may send: tokens, signatures and secrets in all their forms, and what is said to everyone else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store
from metrics_api.routes.proofs import Refused, Sender, by_secret
from tests.webhooks.harness import ENVIRONMENT, GITLAB, SECRET, TAPD, TOKEN, hooks, receiving, taken

# The signatures were computed by
#   printf '%s' "$ID.$AT.$BODY" | openssl dgst -sha256 -hmac "$(base64 -d <<<"$KEY")" -binary | base64
KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER_KEY = "whsec_YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE="
ID, AT = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f", 1763784000
BODY = b'{"object_kind":"push","ref":"refs/heads/main"}'
SIGNATURE = "v1,WOrkyYvds350zoIM3bRkOH+IJZhGjISxFcsvxm2ZtuI="
OTHER_SIGNATURE = "v1,umnxCRiMrD5JaPV4Q1UofYl2ywKB1k5J0ypabrWrgs0="
SIGNED = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
SIGNING = {"ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": KEY}


async def waiting(store: Store, upstream: str) -> list[Any]:
    """What waits, as instance and id."""
    return [(one["instance"], one["_id"]) for one in await store.all(f"inbox_{upstream}")]


async def test_without_a_secret_both_routes_are_off_and_say_which_setting_is_missing(store: Store) -> None:
    config = Config(gitlab=(GitlabInstance(name="git-lab"), GitlabInstance(name="second")))
    async with receiving(store, {}, config) as receiver:
        assert await receiver.post(GITLAB, {"object_kind": "push"}, {"X-Gitlab-Token": ""}, 403) == (
            "this webhook is off: set ENGMETRICS_GITLAB_GIT_LAB_WEBHOOK_SECRET or "
            "ENGMETRICS_GITLAB_GIT_LAB_WEBHOOK_SIGNING_KEY or ENGMETRICS_GITLAB_SECOND_WEBHOOK_SECRET or "
            "ENGMETRICS_GITLAB_SECOND_WEBHOOK_SIGNING_KEY and restart the API"
        )
        assert await receiver.post(TAPD, {"event": "bug::create", "secret": ""}, status=403) == (
            "this webhook is off: set ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET and restart the API"
        )
    assert await waiting(store, "gitlab") == await waiting(store, "tapd") == []


async def test_a_token_that_is_wrong_or_missing_is_refused_and_nothing_is_kept(store: Store) -> None:
    async with receiving(store) as receiver:
        for token in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "tökén", "\u1f4a9"):
            assert await receiver.post(GITLAB, BODY, {"X-Gitlab-Token": token}, 403) == (
                "X-Gitlab-Token is not the one that is configured"
            )
        assert await receiver.post(GITLAB, BODY, status=403) == "X-Gitlab-Token is missing"
        # A signature that nobody can look at proves nothing.
        assert await receiver.post(GITLAB, BODY, SIGNED, 403) == (
            "X-Gitlab-Token is not the one that is configured"
        )
    assert await waiting(store, "gitlab") == []


@pytest.mark.parametrize("path", [GITLAB, GITLAB + "/"])
async def test_the_token_of_one_of_several_gitlabs_tells_which_it_is(store: Store, path: str) -> None:
    config = Config(gitlab=(GitlabInstance(name="one"), GitlabInstance(name="two")))
    environment = {
        "ENGMETRICS_GITLAB_ONE_WEBHOOK_SECRET": "first",
        "ENGMETRICS_GITLAB_TWO_WEBHOOK_SECRET": "geheimnis-ü",
    }
    async with receiving(store, environment, config) as receiver:
        await receiver.post(path, BODY, {"X-Gitlab-Token": "geheimnis-ü", "Idempotency-Key": "a"})
        await receiver.post(path, BODY, {"X-Gitlab-Token": "first", "Idempotency-Key": "b"})
    assert sorted(await waiting(store, "gitlab")) == [("one", "b"), ("two", "a")]


async def test_a_signature_over_id_time_and_body_is_accepted(store: Store) -> None:
    async with receiving(store, SIGNING, clock=lambda: AT + 12.0) as receiver:
        await receiver.post(GITLAB, BODY, SIGNED)
        # Several may stand in the list; other versions are passed over.
        listed = f"v1a,xyz {OTHER_SIGNATURE} {SIGNATURE}"
        await receiver.post(GITLAB, BODY, SIGNED | {"webhook-signature": listed})
    assert await waiting(store, "gitlab") == [("gitlab", ID)]


async def test_what_is_not_signed_with_the_key_is_refused(store: Store) -> None:
    async with receiving(store, SIGNING, clock=lambda: AT + 12.0) as receiver:
        for changed in (
            {"webhook-signature": OTHER_SIGNATURE},
            {"webhook-signature": SIGNATURE.removeprefix("v1,")},
            {"webhook-signature": SIGNATURE.replace("v1", "v2")},
            {"webhook-signature": "v1,ü"},
            {"webhook-signature": ""},
            {"webhook-id": ID + "0"},
            {"webhook-timestamp": str(AT + 1)},
        ):
            message = await receiver.post(GITLAB, BODY, SIGNED | changed, 403)
            assert message == (
                "webhook-signature does not fit: was the signing key changed, or the body on its way?"
            )
        message = await receiver.post(GITLAB, BODY + b" ", SIGNED, 403)
        assert message.startswith("webhook-signature does not fit")
        unsigned = {"X-Gitlab-Token": TOKEN}
        assert await receiver.post(GITLAB, BODY, unsigned, 403) == (
            "webhook-signature is not the one that is configured"
        )
        assert await receiver.post(GITLAB, BODY, status=403) == "webhook-signature is missing"
        for sent in ("", "soon", "1e9", "-1763784000", "9" * 400):
            assert await receiver.post(GITLAB, BODY, SIGNED | {"webhook-timestamp": sent}, 403) == (
                "a signed delivery needs its webhook-timestamp in seconds since 1970"
            )
        without = {name: value for name, value in SIGNED.items() if name != "webhook-id"}
        assert await receiver.post(GITLAB, BODY, without, 403) == "a signed delivery needs its webhook-id"
    assert await waiting(store, "gitlab") == []


@pytest.mark.parametrize(("off_s", "status"), [(300, 200), (301, 403), (-300, 200), (-301, 403)])
async def test_a_signed_delivery_is_good_for_five_minutes_either_way(
    store: Store, off_s: int, status: int
) -> None:
    async with receiving(store, SIGNING, clock=lambda: float(AT + off_s)) as receiver:
        message = await receiver.post(GITLAB, BODY, SIGNED, status)
    assert message == {
        200: "accepted",
        403: "webhook-timestamp is 301 s from this server's clock, 300 s are allowed: "
        "the delivery is a replay, or one of the two clocks is wrong",
    }[status]  # fmt: skip
    assert len(await waiting(store, "gitlab")) == (status == 200)


async def test_with_both_configured_the_unsigned_need_the_token_and_the_signed_a_good_signature(
    store: Store,
) -> None:
    async with receiving(store, ENVIRONMENT | SIGNING, clock=lambda: float(AT)) as receiver:
        await receiver.gitlab(BODY, key="unsigned")
        await receiver.post(GITLAB, BODY, SIGNED)
        both = SIGNED | {"X-Gitlab-Token": TOKEN, "Idempotency-Key": "not-signed"}
        await receiver.post(GITLAB, BODY, both)
        # The token does not help what was changed on its way.
        message = await receiver.post(GITLAB, BODY + b" ", both, 403)
        assert message.startswith("webhook-signature does not fit")
        message = await receiver.post(GITLAB, BODY, {"X-Gitlab-Token": "wrong"}, 403)
        assert message == "X-Gitlab-Token or webhook-signature is not the one that is configured"
    assert sorted(await waiting(store, "gitlab")) == [("gitlab", ID), ("gitlab", "unsigned")]


async def test_each_webhook_of_a_gitlab_may_have_a_signing_key_of_its_own(store: Store) -> None:
    for keys in (f"{OTHER_KEY}, {KEY}", f"{KEY}\n{OTHER_KEY}\n", KEY.removeprefix("whsec_")):
        environment = {"ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": keys}
        async with receiving(store, environment, clock=lambda: float(AT)) as receiver:
            await receiver.post(GITLAB, BODY, SIGNED)


async def test_a_signing_key_that_is_none_stops_the_start(store: Store) -> None:
    with pytest.raises(ConfigError, match="signing key of gitlab: whsec_ followed by base64 is expected"):
        async with receiving(store, {"ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": "whsec_§§"}):
            pass


async def test_a_secret_in_a_file_is_read_when_the_api_starts(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n", encoding="utf-8")
    async with receiving(store, {"ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET_FILE": str(file)}) as receiver:
        await receiver.post(TAPD, {"event": "bug::create", "secret": "from a file"})
    assert len(await waiting(store, "tapd")) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"x::y","workspace_id":"1","secret":"tapd secret+of/the=tests"}',
        b' \n{"secret" :\t"tapd secret+of\\/the\\u003dtests","event":"x::y","workspace_id":"1"}',
        f"event=x%3A%3Ay&secret={quote_plus(SECRET)}&workspace_id=1".encode(),
        b"secret=tapd%20secret%2Bof/the=tests&event=x%3A%3Ay&workspace_id=1",
    ],
)
async def test_tapds_secret_is_found_in_json_and_in_forms_and_is_not_kept(store: Store, body: bytes) -> None:
    async with receiving(store) as receiver:
        await receiver.post(TAPD, body)
        (delivery,) = await store.all("inbox_tapd")
        assert b"tests" not in delivery["body"]
        await taken(store)
    (record,) = (await hooks(store))["raw_tapd_hook"]
    assert record["data"] == {"event": "x::y", "workspace_id": "1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"event":"bug::create","workspace_id":"1","id":"2"}',
        b'{"event":"bug::create","workspace_id":"1","id":"2","secret":""}',
        b'{"event":"bug::create","secret":"tapd secret+of/the=test"}',
        b'{"event":"bug::create","secret":["tapd secret+of/the=tests"]}',
        b'{"event":"bug::create","description":"\\"secret\\":\\"tapd secret+of/the=tests\\""}',
        b"event=bug%3A%3Acreate&id=2",
        b"event=bug%3A%3Acreate&secret=",
        b"event=bug%3A%3Acreate&xsecret=tapd+secret%2Bof%2Fthe%3Dtests",
        b"secret=tapd secret+of/the=tests",
    ],
)
async def test_a_tapd_body_without_the_secret_is_refused(store: Store, body: bytes) -> None:
    async with receiving(store) as receiver:
        message = await receiver.post(TAPD, body, {"X-Gitlab-Token": TOKEN}, 403)
    assert message == "the body's secret is missing, or not the one that is configured"
    assert await waiting(store, "tapd") == []


@pytest.mark.parametrize(
    "body",
    [
        b"secret=&" * (3 * 2**20),
        b"&" * (24 * 2**20),
        b'{"secret":"' + b"\\a" * (12 * 2**20),
        b"{" + b'"secret":"\\' * (2 * 2**20),
        b'{"secret"' + b" " * (24 * 2**20),
    ],
    ids=["empty secrets", "ampersands", "escapes without an end", "secrets in secrets", "spaces"],
)
def test_a_large_body_that_proves_nothing_costs_little(body: bytes) -> None:
    before = time.process_time()
    with pytest.raises(Refused):
        by_secret([Sender("tapd", SECRET.encode(), ())], body)
    assert time.process_time() - before < 1


async def test_the_secret_of_one_of_several_tapds_tells_which_it_is(store: Store) -> None:
    config = Config(tapd=(TapdInstance(name="cloud"), TapdInstance(name="own")))
    environment = {
        "ENGMETRICS_TAPD_CLOUD_WEBHOOK_SECRET": "first",
        "ENGMETRICS_TAPD_OWN_WEBHOOK_SECRET": "second",
    }
    payload = {"event": "x::y", "workspace_id": "1", "event_id": "7", "queue_id": "8"}
    async with receiving(store, environment, config) as receiver:
        await receiver.post(TAPD, payload | {"secret": "first"})
        await receiver.post(TAPD + "/", payload | {"secret": "second"})
    # Each TAPD counts its events by itself.
    assert sorted(await waiting(store, "tapd")) == [("cloud", "cloud:7:8"), ("own", "own:7:8")]


async def test_the_apis_own_token_is_not_asked_for(store: Store) -> None:
    async with receiving(store, ENVIRONMENT | {"ENGMETRICS_API_TOKEN": "for-readers"}) as receiver:
        async with receiver.session.get(f"{receiver.url}/metrics") as response:
            assert response.status == 401
        await receiver.gitlab(BODY)
        await receiver.tapd({"event": "x::y", "workspace_id": "1"})
        readers = {"Authorization": "Bearer for-readers"}
        for path in (GITLAB, TAPD):
            await receiver.post(path, BODY, readers, 403)
