"""Write the command reference, docs/commands.md, from the commands themselves."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from vaedyn.cli.main import command as program
from vaedyn.cli.model_options import MODEL
from vaedyn.cli.options import (
    SECTIONS,
)

PAGE = Path(__file__).with_suffix(".md")
COMMON = ("store_path", "config", "as_json", "quiet", "verbose")  # options that every command takes
INTRODUCTION = """\
# Commands

`docs/commands.py` writes this page from the commands themselves; `vaedyn COMMAND --help` shows the
same.

- Results go to stdout, as tables or, with `--json`, as one object (never with NaN). Notes and
  progress go to stderr: a bar in a terminal, otherwise a line a minute.
- Results are kept in `./vaedyn-store`, or in the folder that `--store` names, and
  [reused](store.md). `vaedyn check` stores nothing.
- Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (finished runs are kept), 143
  terminated.
- Shell completion: `eval "$(_VAEDYN_COMPLETE=bash_source vaedyn)"` (or `zsh_source`,
  `fish_source`).

## Where options come from

The command line comes first. Next comes the environment: `VAEDYN_BETA=1.5` sets `--beta` of every
command that has it, and `VAEDYN_THEORY_BETA=1.5` that of `vaedyn theory` alone. Last comes a TOML
file, which must be named by `--config FILE` (or `VAEDYN_CONFIG`). Its keys are options. Those at
the top are for all commands that have the option, those in a table for one command:

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

A key that is not an option is an error. Messages about a bad value name the variable or the file
that it comes from.

## Options of the model

These options describe one model on all commands that take them; see [the theory](theory.md) for the
letters. The defaults are the experiment of the paper: t from 0 to 1500 is 300,000 steps.

{model}
N must be at least 2M + M*. There may be more signals than latents; the model then cannot learn them
all. Simulation and theory start from the same overlaps, those of one draw of the weights, and the
integrator steps onto every kink of a schedule, never across one.

## Quantities in the output

The [theory](theory.md#measured-quantities) has the formulas.

- `eps_g` is the paper's generalisation error, with each signal matched to a different latent.
  `eps_g_rotation` is the same, minimised over all rotations of the latents: the fair measure for
  several signals of equal strength.
- `kl` is the KL divergence in nats, `kl_per_latent` that of each latent: a latent whose share is
  zero has collapsed.
- `distortion` is half the mean squared reconstruction error, less half of the mean of |x|².
- `m`, `d`, `Q`, `E`, `R` are WᵀW*/N, VᵀW*/N, WᵀW/N, VᵀV/N and WᵀV/N, with decoder W, encoder V and
  signal directions W*; matrices have latents as rows. `D` holds the variances of the encoder.

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
    return re.sub(r"(`[^`]*`)|(?<![\w-])--[a-z][a-z-]*", lambda x: x[1] or f"`{x[0]}`", text)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
