"""What is said on the way: a line a minute without a terminal, on a clock that the tests turn."""

import logging
from threading import Event

import pytest

from vaedyn.cli import main, output
from vaedyn.cli.output import duration, progress_bar, spoken

SHORT = "--dim 50 --lr 0.1 --t-max 20 --points 3"


@pytest.fixture
def clock(monkeypatch):
    """Return the clock of progress, a list of the one time that it shows."""
    now = [0.0]
    monkeypatch.setattr(output, "clock", lambda: now[0])
    return now


@pytest.fixture
def said(monkeypatch, capsys):
    """Yield a function of the lines on stderr since it was last called."""
    logger = logging.getLogger("vaedyn")
    monkeypatch.setattr(logger, "handlers", [main.Notes()])
    monkeypatch.setattr(logger, "propagate", False)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield lambda: capsys.readouterr().err.splitlines()
    logger.setLevel(before)


def test_a_line_a_minute_says_what_is_done_and_how_long_the_rest_takes(clock, said):
    with progress_bar("sweep theory", "points") as progress:
        for second in range(301):
            clock[0] = second
            progress(second // 10, 40)
    assert said() == [  # a point takes 10 s
        "sweep theory: 15 % (6 of 40 points), 60 s so far, about 5.7 min left",
        "sweep theory: 30 % (12 of 40 points), 2 min so far, about 4.7 min left",
        "sweep theory: 45 % (18 of 40 points), 3 min so far, about 3.7 min left",
        "sweep theory: 60 % (24 of 40 points), 4 min so far, about 2.7 min left",
        "sweep theory: 75 % (30 of 40 points), 5 min so far, about 1.7 min left",
    ]


def test_the_rest_is_reckoned_without_what_was_there_already(clock, said):
    with progress_bar("sweep theory", "points") as progress:
        for reused in range(1, 901):
            progress(reused, 1000)
        for second in range(1, 61):
            clock[0] = second
            progress(900 + second // 30, 1000)
    (line,) = said()
    # one in 30 s, and 98 are left: 49 min, not the 4 s of 900 points at once
    assert line == "sweep theory: 90 % (902 of 1000 points), 60 s so far, about 49 min left"


def test_what_begins_anew_has_its_own_pace(clock, said):
    with progress_bar("claim", "") as progress:
        progress(100, 100)
        clock[0] = 40
        progress(0, 200)
        clock[0] = 80
        progress(50, 200)
    assert said() == ["claim: 25 %, 80 s so far, about 2 min left"]


def test_many_short_steps_are_spoken_of_as_well(clock, said):
    with spoken("vaedyn anneal"):
        for n in range(6):
            with progress_bar(f"simulate {n}", "steps") as progress:
                clock[0] += 25
                progress(1e6, 2e6)
    assert said() == [
        "simulate 2: 50 % (1e+06 of 2e+06 steps), 25 s so far, about 25 s left",
        "simulate 5: 50 % (1e+06 of 2e+06 steps), 25 s so far, about 25 s left",
    ]


def test_what_counts_nothing_is_spoken_of_while_it_lasts(clock, monkeypatch):
    monkeypatch.setattr(output, "EVERY", 0.01)
    told, heard = [], Event()

    class Ear(logging.Handler):
        def emit(self, record):
            told.append(record.getMessage())
            heard.set()

    ear = Ear()
    logger = logging.getLogger("vaedyn.cli")
    before = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    try:
        with spoken("vaedyn theory"):
            clock[0] = 7200
            assert heard.wait(60)
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before)
    assert told[0] == "vaedyn theory: 2 h so far"
    assert output.Lines.shown == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0.4 s"), (59.6, "60 s"), (99, "99 s"), (100, "1.7 min"), (3600, "60 min"),
     (5970, "1.66 h"), (36000, "10 h"), (200_000, "2.31 d")],
)  # fmt: skip
def test_lengths_of_time(seconds, text):
    assert duration(seconds) == text


LONG = {
    f"simulate {SHORT} --runs 2": "simulate: 100 % (2000 of 2000 steps)",
    f"theory {SHORT}": "theory: 100 %",
    f"sweep theory {SHORT} --vary beta=1,2": "sweep theory: 50 % (1 of 2 points)",
    "fixedpoints --vary beta=0.5:1:3 --vary eta=1:2:3": "map: 100 % (9 of 9 points)",
    "fixedpoints --vary beta=0.5:1 --groups 1": "follow branches: ",
    f"plot learning-curve {SHORT} --runs 1 --bands": "bands: 100 %",
    "anneal --family linear --lr 0.1 --beta 1.5": "anneal: ",
    "simulate --data x.csv --t-max 5 --spikes 1": "train on the data: ",
    f"plot concentration {SHORT} --runs 2 --vary dim=20,30 -o c.svg": "N = 30: ",
}


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(("words", "line"), LONG.items(), ids=LONG)
def test_all_that_may_take_long_says_how_far_it_is(run, monkeypatch, tmp_path, words, line):
    (tmp_path / "x.csv").write_text("1,2\n2,1\n4,5\n-3,1\n0,0.5\n-2,-2\n")
    now = iter(range(0, 10**9, 61))
    monkeypatch.setattr(output, "clock", lambda: next(now))
    done = run(words)
    assert done.code == 0, done.err
    assert line in done.err
    assert " so far" in done.err
    assert not [text for text in done.out.splitlines() if "so far" in text]


def test_quiet_commands_say_nothing(run, monkeypatch):
    now = iter(range(0, 10**9, 61))
    monkeypatch.setattr(output, "clock", lambda: next(now))
    assert run(f"simulate {SHORT} --runs 2 -q").err == ""
