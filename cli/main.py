"""The command group, and the one place where errors become messages and exit codes."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from vaedyn import __version__
from vaedyn.errors import ParameterError, VaedynError

from . import streams
from .signals import Signals, Stopped, farewell
from .streams import one_line

COMMANDS = {  # name: (module, one line of help)
    "simulate": ("simulate", "Train an ensemble of linear VAEs by one-pass SGD."),
    "theory": ("theory", "Integrate the ODE that SGD follows for large N."),
    "fixedpoints": ("fixedpoints", "Find where learning ends and whether it is stable."),
    "anneal": ("anneal", "Find the schedule of beta under which learning converges soonest."),
    "sweep": ("sweep", "Compute every point of a grid of models."),
    "spectrum": ("spectrum", "Show how many active units your own data keep at each KL weight."),
    "heldout": ("heldout", "Find the KL weight at which rows held out are most likely."),
    "weight": ("weight", "Show which KL weight keeps so many latents, nats or variance."),
    "diagnose": ("diagnose", "Show which latents of your own VAE are active, or should be."),
    "explore": ("explore", "Open a page in the browser on which the model is explored."),
    "reproduce": ("reproduce.command", "Check every claim of the paper's abstract, and report."),
    "plot": ("plot.command", "Draw figures; missing results are computed."),
    "store": ("store", "List and show stored results."),
    "check": ("check", "Prove that this installation computes what it should."),
}
COMPLETION = "_VAEDYN_COMPLETE"  # set by the shell when it asks what may come next
FAILURE, USAGE = 1, 2


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"vaedyn.cli.{COMMANDS[cmd_name][0]}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not (name.startswith("-") or ctx.resilient_parsing):
            from .hints import no_such_command

            raise no_such_command(name, self, ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from .hints import no_such_option

            raise no_such_option(error, ctx) from error


def _note_file(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    if path:
        from .settings import note_file

        note_file(ctx, param, path)


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "VAEDYN"},
)
@click.version_option(__version__, prog_name="vaedyn", allow_from_autoenv=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    expose_value=False,
    allow_from_autoenv=False,
    callback=_note_file,
    help="TOML file of options; every command takes it, too.",
)
def command() -> None:
    """Learning dynamics of linear variational autoencoders.

    Every command describes one model by the same options, keeps what it
    computes in a folder (--store) and reuses it. Defaults are the experiment
    of Ichikawa and Hukushima (AISTATS 2024).

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted,
    143 terminated.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    streams.prepare()
    with Signals() as signals:
        try:
            code = command.main(prog_name="vaedyn", standalone_mode=False) or 0
            sys.stdout.flush()
            signals.rest()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            signals.rest()
            code = report(error)
    streams.finish()
    sys.exit(code)


def report(error: BaseException) -> int:
    """Print one line about `error` on stderr and return the exit code.

    Errors that nobody foresaw are raised again.
    """
    if COMPLETION in os.environ and not isinstance(error, SystemExit):
        # a message would land in the middle of the line that is typed
        return FAILURE
    if Stopped.by is not None or isinstance(error, KeyboardInterrupt):
        text, code = farewell(Stopped.by or signal.SIGINT)
    elif isinstance(error, SystemExit):  # click's answer when the reader of our output has gone
        return 0
    elif isinstance(error, click.Abort):
        text, code = "aborted, nothing changed", FAILURE
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    elif isinstance(error, click.UsageError):
        where = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        text, code = one_line(error.format_message()) + where, USAGE
    elif isinstance(error, ParameterError):
        text, code = f"--{error.name.replace('_', '-')}: {error.reason}", USAGE
    elif isinstance(error, (VaedynError, click.ClickException)):
        text, code = str(error), FAILURE
    elif _is_store_error(error):
        text, code = f"--store: {error}", FAILURE
    elif isinstance(error, MemoryError):
        text, code = "not enough memory: lower --points, --runs, --latent or --dim", FAILURE
    elif isinstance(error, OSError) and error.errno:  # without a name it is stdout
        name = error.filename if error.filename is not None else "cannot write the output"
        text, code = f"{name}: {os.strerror(error.errno)}", FAILURE
    else:
        raise error
    head = click.style("error: ", fg="red", bold=True)
    click.echo(head + one_line(text), err=True, color=colour())
    return code


def _is_store_error(error: BaseException) -> bool:
    if "vaedyn.store" not in sys.modules:
        return False
    from ..store import StoreError

    return isinstance(error, StoreError)


def colour() -> bool | None:
    """Return False where NO_COLOR asks for plain text, else leave it to the terminal."""
    return False if os.environ.get("NO_COLOR") else None


class Notes(logging.Handler):
    """Print log messages of the package on stderr, one line each."""

    above: Callable[[str], None] | None = None
    """Prints a line above a progress bar, while there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        text = one_line(record.getMessage())
        if record.levelno >= logging.WARNING:
            text = f"warning: {text}"
        if Notes.above:
            Notes.above(text)
        else:
            click.echo(text, err=True)


def show_notes(quiet: bool, verbose: bool) -> None:
    """Print notes of the package: warnings only if `quiet`, details if `verbose`."""
    logger = logging.getLogger("vaedyn")
    logger.handlers = [Notes()]
    logger.propagate = False
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logger.setLevel(level)
