"""The root command: finds the others when they are asked for, and turns errors into one line each.

Invariant: no error of ours shows a traceback, unless ``--debug`` asks for it. Exit codes follow the error tree: 2 somebody has
to change something, 75 try again later, 70 the installation needs care, 1 anything else, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from socialcrm.cli._session import Session, remember
from socialcrm.cli._text import clean
from socialcrm.errors import FixError, RetryError, SocialCRMError, StopError

__all__ = ["COMMANDS", "app", "exit_code", "run", "show_error"]

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "demo": ("_demo:demo", "See everything in a few seconds, offline, on invented data."),
        "listen": ("_listen:listen", "See what is said at a public address, without an account."),
        "channels": ("_channels:channels", "Add, check and change the accounts that are yours."),
        "load": ("_fetch:load", "Load a platform's export archive."),
        "sync": ("_fetch:sync", "Fetch what is new on every channel."),
        "watch": ("_fetch:watch", "Follow live streams until you press Ctrl-C."),
    },
    "Answer": {
        "inbox": ("_inbox:inbox", "Who needs an answer, the greatest need first."),
        "case": ("_case:case", "Show a case across channels, or change it."),
        "reply": ("_replies:reply", "Queue a reply to a case, or preview it."),
        "flush": ("_replies:flush", "Deliver the replies that are due."),
        "outbox": ("_replies:outbox", "List replies and where they stand."),
        "retry": ("_replies:retry", "Queue a failed reply once more."),
        "cancel": ("_replies:cancel", "Take back a reply that has not left yet."),
    },
    "Know": {
        "search": ("_inbox:search", "Find what was said, by its words."),
        "customer": ("_customers:customer", "Show a customer and their journey across channels."),
        "join": ("_customers:join", "Say that two identities are one person."),
        "separate": ("_customers:separate", "Say that two identities are different people."),
    },
    "Care": {
        "playbook": ("_playbook:playbook", "Try, publish and correct the process: how cases are handled."),
        "tick": ("_fetch:tick", "Let time pass for the cases."),
        "reprocess": ("_fetch:reprocess", "Read again what could not be read, after a plugin was mended."),
        "migrate": ("_fetch:migrate", "Create or upgrade a database's schema."),
        "plugins": ("_plugins:plugins", "See which platforms are installed, and whether they work."),
        "new-connector": ("_scaffold:new_connector", "Begin a plugin for another platform."),
    },
}
"""Every command by section: where it lives, and its help in one line, so that ``--help`` imports none of them."""

_FLAT = {name: row for rows in COMMANDS.values() for name, row in rows.items()}


class _App(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (home, _) in _FLAT.items() if _is_there(home)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = _FLAT[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(f"socialcrm.cli.{module}"), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        there = set(self.list_commands(ctx))
        for section, rows in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name, told) for name, (_, told) in rows.items() if name in there])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message} See the list: socialcrm --help", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        session = ctx.ensure_object(Session)
        try:
            return super().invoke(ctx)
        except SocialCRMError as error:
            if session.debug:
                raise
            show_error(error)
            ctx.exit(exit_code(error))
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception as error:
            if session.debug:
                raise
            show_error(RuntimeError(f"socialcrm itself failed ({type(error).__name__}: {error}); add --debug for the details"))
            ctx.exit(1)


def _is_there(home: str) -> bool:
    return find_spec(f"socialcrm.cli.{home.partition(':')[0]}") is not None


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from socialcrm import __version__

        click.echo(f"socialcrm {__version__}")
        ctx.exit()


@click.group(
    cls=_App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="New here? Try: socialcrm demo",
)
@click.option(
    "--db",
    envvar="SOCIALCRM_DB",
    metavar="URL",
    callback=remember,
    expose_value=False,
    help="The database: a file, or postgresql+psycopg://…  [default: socialcrm.db, or $SOCIALCRM_DB]",
)
@click.option(
    "--workspace",
    envvar="SOCIALCRM_WORKSPACE",
    metavar="NAME",
    callback=remember,
    expose_value=False,
    help="One client's workspace in the database.  [default: default]",
)
@click.option(
    "--debug", is_flag=True, default=None, callback=remember, expose_value=False, help="Show where an error comes from."
)
@click.option("--version", is_flag=True, is_eager=True, callback=_version, expose_value=False, help="Show the version.")
def app() -> None:
    """Answer customers wherever they happen to be.

    Conversations from any social platform become customers, interactions and cases in one database that is yours.

    \b
    Example:
      socialcrm demo
      socialcrm inbox --db socialcrm-demo.db
    """


def exit_code(error: BaseException) -> int:
    """Return what the shell is told: by what the caller does next."""
    for branch, code in ((FixError, 2), (RetryError, 75), (StopError, 70)):
        if isinstance(error, branch):
            return code
    return 1


def show_error(error: BaseException, *, prefix: str = "") -> None:
    """Write an error as one red line on stderr, and each of its notes below it."""
    color = False if os.environ.get("NO_COLOR") else None
    told = clean(str(error) or type(error).__name__)
    click.secho(f"{clean(prefix)}{told}", fg="red", err=True, color=color)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"  {clean(str(note))}", err=True, color=color)


def run() -> int:
    """Run the command line with this process's arguments.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter gets a question mark, not a traceback
    try:
        code = app.main(prog_name="socialcrm", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Stopped. What was committed stays.", err=True)
        return 130
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        show_error(error)
        return 1
