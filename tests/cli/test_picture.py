"""Options that every picture has: width, caption, title, limits, format."""

from pathlib import Path

import numpy as np
import pytest

from vaedyn.cli.plot.command import command

MODEL = "--dim 50 --lr 0.1 --t-max 20 --points 5 --runs 2"
SHARED = {"width", "no_caption", "title", "x_lim", "y_lim", "output"}


@pytest.mark.parametrize("name", sorted(command.commands))
def test_every_picture_has_the_same_options(name):
    parameters = {each.name: each for each in command.commands[name].params}
    assert set(parameters) > SHARED
    assert {parameters[each].section for each in SHARED} == {"Output"}


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("learning-curve --x-lim 3:1", "--x-lim"),
        ("learning-curve --x-lim 1", "--x-lim"),
        ("learning-curve --x-lim :", "--x-lim"),
        ("learning-curve --x-lim 1:2:3", "--x-lim"),
        ("learning-curve --x-lim a:b", "--x-lim"),
        ("learning-curve --x-lim nan:1", "--x-lim"),
        ("learning-curve --x-lim 0:inf", "--x-lim"),
        ("learning-curve --y-lim 0:1", "--y-lim"),
        ("learning-curve --vary beta=1,2 --y-lim -1:1", "--y-lim"),
        ("learning-curve --x-scale log --x-lim 0:1", "--x-lim"),
        ("learning-curve --y-scale linear --y-lim 1:1", "--y-lim"),
        ("learning-curve --width three", "--width"),
        ("learning-curve --width 0", "--width"),
        ("learning-curve --width nan", "--width"),
        ("learning-curve --title $\\foo$", "--title"),
        ("order-parameters --x-scale log --x-lim 0:1", "--x-lim"),
        ("sweep --vary beta=1,2 --x-scale log --x-lim 0:1", "--x-lim"),
        ("sweep --kind map --vary beta=log:1:4:3 --vary lr=0.1:0.2:3 --x-lim 0:1", "--x-lim"),
        ("passages --x-lim 0:10", "--x-lim"),
        ("concentration --y-lim 0:1", "--y-lim"),
        ("escape --x-lim 0:1", "--x-lim"),
        ("annealing --y-lim 0:1", "--y-lim"),
        ("annealing --family linear --x-lim 0:1", "--x-lim"),
        ("escape --runs 1", "--runs"),
        ("schedule --y-lim 2:1", "--y-lim"),
        ("phase-diagram --x-lim 2:1", "--x-lim"),
        ("branches --y-lim 2:1", "--y-lim"),
        ("cascade --y-lim 2:1", "--y-lim"),
        ("learning-curve -o a.eps2", "--output"),
    ],
)
def test_what_has_no_meaning_is_one_line_and_leaves_no_trace(run, words, option):
    done = run("plot", words)
    assert (done.code, done.out) == (2, "")
    assert option in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert list(Path().iterdir()) == []


def test_pictures_follow_their_options(run):
    def svg(*words):
        assert run("plot learning-curve -o a.svg", MODEL, *words).code == 0
        return Path("a.svg").read_text()

    plain, bare = svg(), svg("--no-caption")
    assert "eta" in plain
    assert 'width="237.6pt"' in plain
    assert 'width="486pt"' in svg("--width two")
    assert 'width="288pt"' in svg("--width 4")
    assert len(bare) < len(plain)
    assert "Caption" in svg("--title Caption")
    assert "Caption" not in plain


def test_eps_is_written_and_nothing_in_it_is_transparent(run, caplog):
    done = run("plot learning-curve -o a.eps", MODEL)
    assert (done.code, done.out) == (0, "a.eps\n")
    assert Path("a.eps").read_bytes().startswith(b"%!PS-Adobe")
    assert "transparency" not in caplog.text + done.err


def test_names_of_files_tell_what_is_chosen(run):
    words = run("plot schedule --width two --x-lim :500 --title Two/words", "--no-caption").out
    assert words == "schedule_width-6.75_no-caption-True_title-Two-words_x-lim--500.pdf\n"


def test_an_empty_picture_is_said(run):
    assert "nothing" not in run("plot schedule --x-lim 0:500 -o a.svg").err
    assert "nothing is drawn within --y-lim" in run("plot schedule --y-lim 5:6 -o a.svg").err
    far = run("plot learning-curve --x-lim 1e5:1e6 -o a.svg", MODEL)
    assert "nothing is drawn within --x-lim" in far.err


@pytest.mark.parametrize(
    "words", ["sweep --dim 20 --t-max 3 --points 3 --vary beta=1,2", "rate-distortion d.npy"]
)
def test_each_command_says_that_a_picture_is_empty(run, words):
    np.save("d.npy", np.random.default_rng(0).normal(size=(60, 4)))
    assert "nothing" not in run(f"plot {words} -o a.svg").err
    assert "nothing is drawn within --x-lim" in run(f"plot {words} --x-lim 1e5:1e6 -o a.svg").err


def test_data_pictures_have_them_too(run):
    data = np.random.default_rng(0).normal(size=(200, 8))
    data[:, 0] *= 4
    np.save("d.npy", data)
    assert run("plot spectrum d.npy -q --width 5 --no-caption --title Mine -o a.svg").code == 0
    text = Path("a.svg").read_text()
    assert 'width="360pt"' in text
    assert "Mine" in text
    assert "samples" not in text
    refused = run("plot spectrum d.npy --y-lim 0:1")  # whose scale the data decide
    assert (refused.code, refused.out) == (2, "")
    assert "--y-lim: the axis is logarithmic" in refused.err
