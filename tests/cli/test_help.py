"""Help, version, completion: every command, found by walking the groups."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import vaedyn
from vaedyn.cli import main as cli


def commands(group=None, path=()):
    group = group or cli.command
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands())


@pytest.mark.parametrize("name", ["simulate", "theory", "fixedpoints", "plot learning-curve"])
def test_model_options_are_the_same_on_every_command(name):
    command = ALL[tuple(name.split())]
    defaults = {p.name: p.default for p in command.params}
    for field, value in vaedyn.Params.__dataclass_fields__.items():
        assert defaults[field] == value.default, field


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_every_command_has_help_with_sections_and_examples(path):
    done = CliRunner().invoke(cli.command, [*path, "-h"])
    assert done.exit_code == 0
    assert "Examples:" in done.output
    assert f"vaedyn {' '.join(path)}" in done.output.partition("Examples:")[2]
    for option in ("--json", "-q, --quiet", "-v, --verbose"):
        assert option in done.output
    assert ("\n  --store " in done.output) == (path != ("check",))  # which keeps nothing
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_every_command_stands_in_the_readme(path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"vaedyn {' '.join(path)}" in readme


def test_help_lists_the_commands_with_their_own_first_lines():
    done = CliRunner().invoke(cli.command, ["--help"])
    for name, (_, text) in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", done.output, re.MULTILINE)


@pytest.mark.parametrize("group", ["plot", "store", "sweep"])
def test_groups_list_their_commands_with_whole_first_lines(group):
    shown = " ".join(CliRunner().invoke(cli.command, [group, "--help"]).output.split())
    for path, command in ALL.items():
        if path[0] == group:
            first = " ".join(command.help.partition("\n\n")[0].split())
            assert f" {path[1]} {first}" in shown


@pytest.mark.parametrize("words", ["", "plot", "store"])
def test_a_group_alone_shows_its_help(run, words):
    done = run(words)
    assert done.code == 2
    assert done.out == ""
    assert "Commands:" in done.err


def test_version_and_module_agree():
    printed = subprocess.run(
        [sys.executable, "-m", "vaedyn", "--version"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"vaedyn, version {vaedyn.__version__}\n"


def test_shell_completion_offers_commands():
    environment = {
        **os.environ,
        "_VAEDYN_COMPLETE": "bash_complete",
        "COMP_WORDS": "vaedyn th",
        "COMP_CWORD": "1",
    }
    program = Path(sys.executable).with_name("vaedyn")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "theory" in done.stdout
