"""Latest wins: what is begun, ended and answered, with threads that the test runs itself."""

import threading

import pytest

from vaedyn.explorer.latest import Latest, SupersededError


class Line:
    """A `Latest` whose threads run when the test says so, and all that it has answered."""

    def __init__(self, **how):
        self.begun, self.answers, self.threads = [], [], []
        self.lane = Latest(start=self.threads.append, **how)

    def ask(self, name, during=lambda going_on: None):
        def job(going_on):
            self.begun.append(name)
            during(going_on)
            return name

        self.lane.ask(job, lambda result, error: self.answers.append((result, error)))

    def run(self):
        (thread,) = self.threads
        self.threads.clear()
        thread()


def test_only_the_newest_that_waits_is_computed():
    line = Line()
    line.ask("a", lambda _: [line.ask(name) for name in "bcd"])
    line.run()
    assert line.begun == ["a", "d"]
    assert line.answers == [("d", None)]
    assert not line.threads  # one thread does them all


def test_a_late_answer_is_given_where_it_is_wanted():
    line = Line(late=True)
    line.ask("a", lambda _: line.ask("b"))
    line.run()
    assert line.answers == [("a", None), ("b", None)]


@pytest.mark.parametrize("late", [False, True])
def test_what_is_under_way_is_ended_by_its_progress(late):
    line = Line(late=late)

    def during(going_on):
        going_on(1, 2)
        line.ask("b")
        going_on(2, 2)
        line.begun.append("never")

    line.ask("a", during)
    line.run()
    assert line.begun == ["a", "b"]
    assert line.answers == [("b", None)]


@pytest.mark.parametrize("late", [False, True])
def test_what_is_cancelled_is_not_answered(late):
    line = Line(late=late)

    def during(going_on):
        line.lane.cancel()
        with pytest.raises(SupersededError):
            going_on(1, 2)

    line.ask("a", during)
    line.run()
    line.ask("b")
    line.lane.cancel()
    line.run()
    assert line.begun == ["a"]
    assert line.answers == []
    line.ask("c")
    line.run()
    assert line.answers == [("c", None)]


def test_an_error_is_answered_and_the_next_one_is_computed():
    line = Line()

    def fail(_):
        raise ZeroDivisionError("by zero")

    line.ask("a", fail)
    line.run()
    (answer,) = line.answers
    assert answer[0] is None
    assert isinstance(answer[1], ZeroDivisionError)
    line.ask("b")
    line.run()
    assert line.answers[1] == ("b", None)


def test_a_closed_line_computes_nothing_any_more():
    line = Line(late=True)
    line.ask("a", lambda _: line.lane.close())
    line.run()
    line.ask("b")
    assert line.begun == ["a"]
    assert line.answers == []
    assert not line.threads


def test_a_thread_of_its_own_is_used():
    lane, arrived, names = Latest(), threading.Event(), []

    def answer(result, error):
        names.append((result, error))
        arrived.set()

    lane.ask(lambda _: threading.current_thread().daemon, answer)
    assert arrived.wait(20)
    assert names == [(True, None)]
