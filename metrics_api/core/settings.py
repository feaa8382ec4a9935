"""Settings: the configuration file, overridden by the environment, which only this module reads.

`ENGMETRICS_CONFIG` names the file, `ENGMETRICS_<SECTION>__<KEY>` overrides a key of `[server]`, `[store]` or
`[log]`, `MONGODB_URI` is another spelling of `ENGMETRICS_STORE__URI`. Secrets come only from here:
`ENGMETRICS_TAPD_<NAME>_TOKEN` or `…_USER` and `…_PASSWORD`, `ENGMETRICS_GITLAB_<NAME>_TOKEN`, each also as
`…_FILE` naming a file that holds it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from metrics_api.core.config import Config, Log, Server, StoreSection, load_config
from metrics_api.core.errors import ConfigError

DEFAULT_FILE = Path("engmetrics.toml")


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
class Settings:
    """All that the processes are told: the configuration and where the secrets are."""

    config: Config
    environment: Mapping[str, str] = field(repr=False)

    def credentials(self, upstream: str, name: str) -> Credentials:
        """The credentials of an instance; raises ConfigError for a secret file that cannot be read."""
        prefix = f"ENGMETRICS_{upstream}_{name}_".upper().replace("-", "_")
        return Credentials(
            token=self._secret(f"{prefix}TOKEN"),
            user=self._secret(f"{prefix}USER"),
            password=self._secret(f"{prefix}PASSWORD"),
        )

    def _secret(self, variable: str) -> str:
        file = self.environment.get(f"{variable}_FILE")
        if not file:
            return self.environment.get(variable, "")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{variable}_FILE: {file} cannot be read: {error}") from None


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
