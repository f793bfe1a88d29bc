"""All commands and their options, and which of them a misspelt word may mean."""

from collections.abc import Iterator
from difflib import get_close_matches

import click

from vaedyn.errors import nearest

NAMED = 3  # commands that are listed where more have an option


def commands_below(
    group: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that is no group, with the words that call it."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield from commands_below(command, (*path, name))


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by the words that they are written as, without dashes."""
    return {word_of(each): each for each in command.params if isinstance(each, click.Option)}


def word_of(option: click.Option) -> str:
    """Return the word that an option is written as, such as ``t-max``."""
    return max(option.opts, key=len).lstrip("-")


def no_such_option(error: click.NoSuchOption, context: click.Context) -> click.UsageError:
    """Return an error that names the commands which have the option, or one that is near."""
    name = error.option_name
    word = name.lstrip("-")
    root = context.find_root().command
    if word == "data" and any(each.name == "place" for each in context.command.params):
        return click.UsageError(f"No such option {name!r}: name the file without it", context)
    having = [" ".join(path) for path, one in commands_below(root) if word in options_of(one)]
    if having:
        named = ", ".join(having[:NAMED])
        more = f" and {len(having) - NAMED} more" if len(having) > NAMED else ""
        hint = f"it is an option of {named}{more}"
        return click.UsageError(f"No such option {name!r} here: {hint}", context)
    close = nearest(word, options_of(context.command))
    question = f" Did you mean '--{close}'?" if close else ""
    return click.UsageError(f"No such option {name!r}.{question}", context)


def no_such_command(name: str, group: click.Group, context: click.Context) -> click.UsageError:
    """Return an error that names the command which may be meant, of this group or another."""
    close = get_close_matches(name, group.list_commands(context), n=1)
    if not close:
        paths = [path for path, _ in commands_below(context.find_root().command)]
        close = [" ".join(("vaedyn", *path)) for path in paths if path[-1] == name][:1]
    question = f" Did you mean {close[0]!r}?" if close else ""
    return click.UsageError(f"No such command {name!r}.{question}", context)
