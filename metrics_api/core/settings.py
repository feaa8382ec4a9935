"""Settings: the configuration file, overridden by the environment, which only this module reads.

`ENGMETRICS_CONFIG` names the file, `ENGMETRICS_<SECTION>__<KEY>` overrides a key of `[server]`, `[store]` or
`[log]`, `MONGODB_URI` is another spelling of `ENGMETRICS_STORE__URI`. Secrets come only from here:
`ENGMETRICS_TAPD_<NAME>_TOKEN` or `…_USER` and `…_PASSWORD`, `ENGMETRICS_GITLAB_<NAME>_TOKEN`, for webhooks
`ENGMETRICS_<UPSTREAM>_<NAME>_WEBHOOK_SECRET` and `ENGMETRICS_GITLAB_<NAME>_WEBHOOK_SIGNING_KEY`, and the
API's own `ENGMETRICS_API_TOKEN`, each also as `…_FILE` naming a file that holds it.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from metrics_api.core.config import (
    Config,
    GitlabInstance,
    Log,
    Server,
    StoreSection,
    TapdInstance,
    load_config,
)
from metrics_api.core.errors import ConfigError

DEFAULT_FILE = Path("engmetrics.toml")
API_TOKEN = "ENGMETRICS_API_TOKEN"


class _Overrides(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ENGMETRICS_", env_nested_delimiter="__", extra="ignore")

    server: Server = Server()
    store: StoreSection = StoreSection()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


@dataclass(frozen=True)
class Credentials:
    """A token, or a user with a password; `configured` says whether there is anything to log in with."""

    token: str = ""
    user: str = ""
    password: str = ""

    @property
    def configured(self) -> bool:
        """True when there is a token, or both a user and a password."""
        return bool(self.token or (self.user and self.password))

    def __repr__(self) -> str:
        return f"Credentials(configured={self.configured})"


@dataclass(frozen=True)
class WebhookSecret:
    """What proves that a delivery is the instance's own: the token it sends, the key it signs with, or both.

    An empty one is not set.
    """

    token: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """All that the processes are told: the configuration and where the secrets are."""

    config: Config
    environment: Mapping[str, str] = field(repr=False)

    def credentials(self, upstream: str, name: str) -> Credentials:
        """The credentials of an instance; raises ConfigError for a secret file that cannot be read."""
        return Credentials(
            token=_secret(self.environment, variable(upstream, name, "TOKEN")),
            user=_secret(self.environment, variable(upstream, name, "USER")),
            password=_secret(self.environment, variable(upstream, name, "PASSWORD")),
        )

    def webhook_secrets(self, upstream: str) -> dict[str, WebhookSecret]:
        """The secrets of webhooks by instance; an instance without any is not in it.

        Where none of that upstream is configured, an instance of the default name is looked for. Raises
        ConfigError for a secret file that cannot be read.
        """
        if upstream == "tapd":
            names = [one.name for one in self.config.tapd or (TapdInstance(),)]
        else:
            names = [one.name for one in self.config.gitlab or (GitlabInstance(),)]
        found = {
            name: WebhookSecret(
                token=_secret(self.environment, variable(upstream, name, "WEBHOOK_SECRET")),
                signing_key=_secret(self.environment, variable(upstream, name, "WEBHOOK_SIGNING_KEY"))
                if upstream == "gitlab"
                else "",
            )
            for name in names
        }
        return {name: secret for name, secret in found.items() if secret.token or secret.signing_key}

    def api_token(self) -> str:
        """The token that the API asks for, "" for none; raises ConfigError as `api_token` does."""
        return api_token(self.environment)


def variable(upstream: str, name: str, what: str) -> str:
    """The environment variable of an instance's secret, such as ENGMETRICS_TAPD_MY_TAPD_TOKEN."""
    return f"ENGMETRICS_{upstream}_{name}_{what}".upper().replace("-", "_")


def api_token(environment: Mapping[str, str] | None = None) -> str:
    """The API's token in an environment, this process's unless another is given; "" for none.

    Raises ConfigError for a file that cannot be read or is empty, and for what cannot stand in a header:
    what was to be locked is never left open by mistake.
    """
    given = os.environ if environment is None else environment
    token = _secret(given, API_TOKEN)
    file = given.get(f"{API_TOKEN}_FILE")
    if file and not token:
        raise ConfigError(f"{API_TOKEN}_FILE: {file} is empty: `engmetrics token --file {file}` fills it")
    if not all("!" <= character <= "~" for character in token):
        raise ConfigError(f"{API_TOKEN}: a token is printable ASCII without spaces, else no header holds it")
    return token


def _secret(environment: Mapping[str, str], name: str) -> str:
    file = environment.get(f"{name}_FILE")
    try:
        # Files end with a line break, and so do variables that were made of such a file.
        secret = (Path(file).read_text(encoding="utf-8") if file else environment.get(name, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE: {file} cannot be read: {error}") from None
    # Of signing keys there may be several, one a line.
    if not name.endswith("_SIGNING_KEY") and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in secret
    ):
        raise ConfigError(f"{name}: a secret is one line of text, without control characters")
    return secret


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that this one starts and configures wholly.

    What configures an engmetrics is left out, so that a demo on a machine set up for production stays away
    from it; the loopback is reached without a proxy.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ENGMETRICS_") and name not in ("MONGODB_URI", "NO_PROXY", "no_proxy")
    }
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", **more}


def load_settings(config_file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process: file, then environment, then `overrides` (`{"server": {"port": 1}}`).

    Raises ConfigError; a missing default file is no error, a missing file that was asked for is.
    """
    named = config_file or (
        Path(os.environ["ENGMETRICS_CONFIG"]) if os.environ.get("ENGMETRICS_CONFIG") else None
    )
    if named is None and not DEFAULT_FILE.exists():
        config = Config()
    else:
        config = load_config(named or DEFAULT_FILE)
    sections = {
        name: getattr(config, name).model_dump(exclude_unset=True) for name in ("server", "store", "log")
    }
    if os.environ.get("MONGODB_URI"):
        sections["store"].setdefault("uri", "")
        sections["store"]["uri"] = os.environ["MONGODB_URI"]
    try:
        merged = _Overrides(**sections)
        changed = {}
        for name in sections:
            section = getattr(merged, name)
            changes = (overrides or {}).get(name, {})
            changed[name] = type(section).model_validate(section.model_dump() | dict(changes))
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigError(f"environment or flag: {details}") from None
    return Settings(config.model_copy(update=changed), dict(os.environ))
