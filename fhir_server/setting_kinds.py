"""Kinds of settings: what a value of the environment or of a TOML file is read as, and refused for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from profiles.definitions import is_resource_type

MEMORY = ("memory:", "sqlite://")
"""The addresses of a store that is gone with its process."""
BUSES = ("redis", "rediss", "unix")
ROLES = ("patient", "doctor", "admin")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def split(value: Any) -> Any:
    """Return what commas separate as a tuple; what is no text as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _required(value: Any) -> Any:
    if isinstance(value, dict):
        rows = ((type, [urls] if isinstance(urls, str) else urls) for type, urls in value.items())
        return tuple(f"{type}={url}" for type, urls in rows for url in urls)
    return split(value)


def _profiles(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        type, _, url = each.partition("=")
        if not is_resource_type(type.strip()) or not urlsplit(url.strip()).scheme:
            raise ValueError(f"{each!r} is no profile of a type: write Patient=https://…, the type and a canonical")
    return value


def _roles(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        if each not in ROLES:
            raise ValueError(f"{each!r} is no role of accounts: write some of {', '.join(ROLES)}")
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
            raise ValueError(f"{origin!r} is no origin: write scheme, host and port only, as https://app.example")
    return tuple(origin.rstrip("/") for origin in value)


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        try:
            ip_network(each)
        except ValueError:
            raise ValueError(f"{each!r} is no address or network: write 10.0.0.7 or 10.0.0.0/8") from None
    return value


def _store(value: str) -> str:
    if value not in MEMORY and not value.startswith("sqlite:///"):
        raise ValueError(f"{value!r} is no store of this release: write sqlite:///path/to/file.db, or memory:")
    return value


def _front(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise ValueError(f"{value!r} is no address: write it as https://app.example.org")
    return value.rstrip("/")


def _provider(value: str) -> str:
    parts = urlsplit(value)
    near = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if value and not near and (parts.scheme != "https" or not parts.netloc):
        raise ValueError(f"{value!r} is no address of a provider: write it as https://login.example.org")
    return value


def _public(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise ValueError(f"{value!r} is no address: write it as https://fhir.example.org")
    return value.rstrip("/").removesuffix("/fhir")


def _page(value: str) -> str:
    if value and not (Path(value) / "index.html").is_file():
        raise ValueError(f"there is no page in {value}: build it by npm run build in examples/consultation")
    return value


def _folder(value: str) -> str:
    if value and not Path(value).is_dir():
        raise ValueError(f"there is no folder {value}")
    return value


def _file(value: str) -> str:
    if value and not Path(value).is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _bus(value: SecretStr) -> SecretStr:
    address = value.get_secret_value()
    if address and not _is_bus(address):
        # The address may have a password in it, and is not repeated.
        raise ValueError("write redis://host:6379, rediss://host:6379 with TLS, or unix:///path/to/redis.sock")
    return value


def _is_bus(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in BUSES and parts.port != 0
    except ValueError:
        return False


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Profiles = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_required), AfterValidator(_profiles)]
Roles = Annotated[Names, AfterValidator(_roles)]
Origins = Annotated[Names, AfterValidator(_origins)]
Networks = Annotated[Names, AfterValidator(_networks)]
StoreAddress = Annotated[str, AfterValidator(_store)]
FrontAddress = Annotated[str, AfterValidator(_front)]
ProviderAddress = Annotated[str, AfterValidator(_provider)]
PublicAddress = Annotated[str, AfterValidator(_public)]
PageFolder = Annotated[str, AfterValidator(_page)]
Folder = Annotated[str, AfterValidator(_folder)]
File = Annotated[str, AfterValidator(_file)]
BusAddress = Annotated[SecretStr, AfterValidator(_bus)]
