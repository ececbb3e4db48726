"""``socialcrm channels``: the accounts that are ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import click
from rich.table import Table

from socialcrm.cli._session import Session, command_options, fields
from socialcrm.cli._text import one_line
from socialcrm.crm import CRM
from socialcrm.errors import UnknownPlatform
from socialcrm.types import Channel

__all__ = ["channels"]


@click.group()
def channels() -> None:
    """Add, check and change the accounts that are yours.

    \b
    Example:
      socialcrm channels add mastodon acme server=https://example.social token=env:ACME_TOKEN
    """


@channels.command("list")
@command_options
@click.pass_obj
def list_(session: Session) -> None:
    """List the channels.

    \b
    Example:
      socialcrm channels list
    """
    with session.crm() as crm:
        found = list(crm.channels)
        usual = {one.platform: _defaults(crm, one.platform) for one in found}
    if session.json:
        session.emit(found)
    elif not found:
        session.say("No channels yet. Add one: socialcrm channels add PLATFORM NAME KEY=VALUE…")
    else:
        session.console.print(_table(found, usual))


def _defaults(crm: CRM, platform: str) -> dict[str, Any]:
    """A platform's usual settings, so that only what is particular is shown; none where its plugin is gone."""
    try:
        fields_ = attrs.fields(crm.plugins.connector(platform).info.settings)
    except UnknownPlatform:
        return {}
    return {field.name: list(field.default) if isinstance(field.default, tuple) else field.default for field in fields_}


def _table(found: list[Channel], usual: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Channel", no_wrap=True, style="bold")
    table.add_column("Platform", no_wrap=True)
    table.add_column("We are", overflow="fold")
    table.add_column("Settings", overflow="fold", style="dim", ratio=1)
    for one in found:
        ours = ", ".join(account.handle or account.name or account.id for account in one.accounts)
        told = ", ".join(
            f"{key}={_value(value)}" for key, value in one.settings.items() if value != usual[one.platform].get(key)
        )
        kind = f"{one.platform} (archive)" if one.archive else one.platform
        table.add_row(one_line(one.name), one_line(kind), one_line(ours) or "not asked yet", one_line(told))
    return table


def _value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@channels.command()
@click.argument("platform")
@click.argument("name")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@command_options
@click.pass_obj
def add(session: Session, platform: str, name: str, settings: tuple[str, ...]) -> None:
    """Add a channel. Nothing is fetched yet.

    A credential is given by reference, and only the reference is stored: env:NAME, keyring:SERVICE/NAME or file:PATH. The
    settings that a platform knows: socialcrm plugins show PLATFORM.

    \b
    Example:
      socialcrm channels add wordpress blog server=https://blog.example.com
    """
    with session.crm(new=True) as crm:
        made = crm.channels.add(platform, name=name, **fields(settings))
    _tell(session, made, f"Added {made}. Try its credentials: socialcrm channels check {made.name}; then: socialcrm sync")


@channels.command()
@click.argument("name")
@command_options
@click.pass_obj
def check(session: Session, name: str) -> None:
    """Ask the platform who your credentials are.

    \b
    Example:
      socialcrm channels check acme
    """
    with session.crm() as crm:
        account = crm.check(name)
    if session.json:
        session.emit(account)
    else:
        known = " ".join(dict.fromkeys(filter(None, (account.name, account.handle, account.url)))) or account.id
        session.say(f"{name} works: the platform knows you as {known}.")


@channels.command()
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@command_options
@click.pass_obj
def update(session: Session, name: str, settings: tuple[str, ...]) -> None:
    """Change settings of a channel; those not named stay.

    \b
    Example:
      socialcrm channels update acme token=env:NEW_TOKEN
    """
    with session.crm() as crm:
        made = crm.channels.update(name, **fields(settings))
    _tell(session, made, f"Changed {made}.")


@channels.command()
@click.argument("name")
@command_options
@click.pass_obj
def reset(session: Session, name: str) -> None:
    """Let the next sync fetch a channel from the beginning; nothing that is stored is lost or doubled.

    \b
    Example:
      socialcrm channels reset acme
    """
    with session.crm() as crm:
        crm.channels.forget_position(name)
        made = crm.channels[name]
    _tell(session, made, f"The next sync fetches {made} from the beginning.")


def _tell(session: Session, channel: Channel, sentence: str) -> None:
    if session.json:
        session.emit(channel)
    else:
        session.say(sentence)
