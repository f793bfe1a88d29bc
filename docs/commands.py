"""Write the command reference, docs/commands.md, from the commands themselves."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from vaedyn.cli.main import command as program
from vaedyn.cli.options import MODEL, SECTIONS

PAGE = Path(__file__).with_suffix(".md")
COMMON = ("store_path", "config", "as_json", "quiet", "verbose")  # options that every command takes
INTRODUCTION = """\
# Commands

This page is written by `docs/commands.py` from the commands themselves, and `vaedyn COMMAND --help`
says the same.

## Where options come from

What stands on the command line goes first. Next comes the environment: with `VAEDYN_BETA=1.5`
set, every command that has `--beta` takes it from there, and `VAEDYN_THEORY_BETA=1.5` does so for
`vaedyn theory` alone. Then comes a file, which `--config FILE` names (or `VAEDYN_CONFIG`); none is
read unless it is named. It is TOML, with options as keys. What stands at the top is for all
commands that have the option, and a table is for one command:

```toml
latent = 2
signal = 2
rho = [3, 1.5]
anneal = "tanh:0.01"
json = false

[simulate]
runs = 20

[plot.branches]
vary = "beta=0.05:5"
```

A key that is no option is an error. Where a value is bad, the variable or the file that it comes
from is named.

## Options of the model

All commands that take these options describe one model by them; see [the theory](theory.md) for the
letters.

{model}
## Options of every command

{common}"""
MODEL_LINK = "the [options of the model](#options-of-the-model)"
COMMON_LINK = "[those of every command](#options-of-every-command)"


def commands(
    group: click.Group = program, path: tuple[str, ...] = ("vaedyn",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and group below `group`, in the order in which help lists them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def reference() -> str:
    """Return the whole page."""
    found = dict(commands())
    rows = _rows(found["vaedyn", "theory"])
    model = [rows[name] for name in MODEL]
    common = [rows[name] for name in COMMON]
    page = [INTRODUCTION.format(model=_table("option", model), common=_table("option", common))]
    for path, command in found.items():
        of_model = set(MODEL) <= {option.name for option in command.params}
        page += _described(path, command, {*common, *model} if of_model else {*common})
    return "\n".join(page)


def _described(path: tuple[str, ...], command: click.Command, shared: set[str]) -> Iterator[str]:
    """Yield the paragraphs about one command."""
    name = " ".join(path)
    yield f"{'#' * len(path)} {name}\n"
    yield f"{_marked(cleandoc(command.help or ''))}\n"
    if isinstance(command, click.Group):
        return
    context = click.Context(command, info_name=name)
    places = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
    yield f"    {' '.join([name, '[OPTIONS]', *places])}\n"
    rows = _rows(command)
    sections: dict[str, list[str]] = {section: [] for section in SECTIONS}
    for option in command.params:
        if option.name in rows and rows[option.name] not in shared:
            sections[getattr(option, "section", "Output")].append(rows[option.name])
    for section, lines in sections.items():
        if lines:
            yield _table(section, lines)
    links = [MODEL_LINK, COMMON_LINK] if len(shared) > len(COMMON) else [COMMON_LINK]
    yield f"Besides, it takes {' and '.join(links)}.\n"
    if examples := getattr(command, "examples", ()):
        yield "```console"
        yield "".join(f"$ {example}\n" for example in examples) + "```\n"


def _rows(command: click.Command) -> dict[str, str]:
    """Return each option as a row of a table: how it is written, what it does, its default."""
    context = click.Context(command)
    rows = {}
    for option in command.params:
        if isinstance(option, click.Option) and option.name:
            names = ", ".join([*option.opts, *option.secondary_opts])
            if not option.is_flag:
                names += f" {option.make_metavar(context).replace(' RANGE', '')}"
            cells = (f"`{names}`", _marked(option.help or "") + _range(option), _default(option))
            rows[option.name] = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return rows


def _range(option: click.Option) -> str:
    """Return which whole numbers an option takes, where that is not plain."""
    if not isinstance(option.type, click.IntRange):
        return ""
    least, most = option.type.min or 0, option.type.max
    if most is not None:
        return f" From {least} to {most}."
    return f" At least {least}." if least > 1 else ""


def _default(option: click.Option) -> str:
    if isinstance(option.show_default, str):
        return option.show_default
    value = option.default
    if not option.show_default or not isinstance(value, (int, float, str, tuple, Path)):
        return ""
    return f"`{','.join(map(str, value)) if isinstance(value, tuple) else value}`"


def _table(title: str, rows: list[str]) -> str:
    return "\n".join([f"| {title} | | default |", "| --- | --- | --- |", *rows, ""])


def _marked(text: str) -> str:
    """Return a help text with the options in it marked as code."""
    return re.sub(r"(?<![\w`-])--[a-z][a-z-]*", r"`\g<0>`", text)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
