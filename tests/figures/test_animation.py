"""The film: frames, what moves in them, and the flow behind."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.quiver import Quiver
from PIL import Image

import vaedyn
from tests.shared import reference
from vaedyn.figures import animation as film

MODEL = {"dim": 50, "lr": 0.1, "t_max": 60, "points": 121}


@pytest.fixture(scope="module")
def trio():
    params = vaedyn.Params(init="m=-0.2,d=-0.1,Q=1,E=1,R=0.1,D=1", **MODEL)
    return (
        vaedyn.theory(params),
        vaedyn.simulate(params, runs=3),
        vaedyn.fixed_points(params, groups=1),
    )


def test_a_gif_has_its_frames_its_size_and_loops(trio, tmp_path, monkeypatch):
    monkeypatch.setattr(film, "HELD", 2)
    heard = []
    path = tmp_path / "a.gif"
    made = film.learning_animation(*trio, frames=4)
    film.save_animation(made, path, progress=lambda *numbers: heard.append(numbers))
    with Image.open(path) as picture:
        assert picture.format == "GIF"
        assert picture.size == (864, 432)
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0
        lasts = []
        for i in range(4):
            picture.seek(i)
            lasts.append(picture.info["duration"])
    assert lasts == [50, 50, 50, 50 * (1 + film.HELD)]
    assert heard == [(i, 4 + film.HELD) for i in range(1, 5 + film.HELD)]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_drawn_is_the_data(trio):
    theory, simulation, points = trio
    made = film.learning_animation(*trio, frames=7)
    plane, side = made.figure.axes
    path, stable, unstable, place, runs = plane.get_lines()
    np.testing.assert_array_equal(
        path.get_xydata(), np.stack([-theory.m[:, 0, 0], theory.Q[:, 0, 0]], axis=1)
    )
    assert stable.get_markerfacecolor() == "black"
    assert unstable.get_markerfacecolor() == "white"
    assert len(stable.get_xdata()) == points.stable.sum() == 1
    assert len(unstable.get_xdata()) == 2
    assert abs(points.m[0, 0, 0]) == stable.get_xdata()[0]
    made.show(6)
    assert made.t[6] == pytest.approx(60)
    np.testing.assert_allclose(
        runs.get_xydata(), np.stack([np.abs(simulation.m[:, -1, 0, 0]),
                                     simulation.Q[:, -1, 0, 0]], axis=1),
    )  # fmt: skip
    np.testing.assert_allclose(place.get_xydata()[0], path.get_xydata()[-1])
    (line,) = [each for each in side.get_lines() if each.get_linestyle() == "-"
               and each.get_color() == "0.3"]  # fmt: skip
    np.testing.assert_allclose(line.get_xdata(), 60)
    made.show(0)
    np.testing.assert_allclose(runs.get_xydata(), np.tile([0.2, 1], (3, 1)))
    np.testing.assert_allclose(line.get_xdata(), 0)


def test_frames_follow_the_way_in_the_plane(trio):
    theory = trio[0]
    t = film.frame_times(theory, 41)
    assert (t[0], t[-1]) == (0, 60)
    assert (np.diff(t) > 0).all()
    at = [np.interp(t, theory.t, getattr(theory, name)[:, 0, 0]) for name in "mQ"]
    way = np.hypot(*(np.diff(x) / np.ptp(x) for x in at))
    even = np.linspace(0, 60, 41)
    at = [np.interp(even, theory.t, getattr(theory, name)[:, 0, 0]) for name in "mQ"]
    uneven = np.hypot(*(np.diff(x) / np.ptp(x) for x in at))
    assert way.max() < 2 * np.median(way)
    assert uneven.max() > 4 * np.median(uneven)


@pytest.mark.parametrize("anneal", ["constant", "tanh:0.05"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_flow_is_the_drift_and_at_theorys_place_its_velocity(anneal, sign):
    start = f"m={0.2 * sign},d={0.1 * sign},Q=1,E=1,R=0.1,D=1"
    theory = vaedyn.theory(vaedyn.Params(init=start, anneal=anneal, **MODEL))
    i, h = 12, theory.t[1]
    m, Q = sign * theory.m[:, 0, 0], theory.Q[:, 0, 0]
    here = film.flow(theory, theory.t[i], m[i : i + 1], Q[i : i + 1])[:, 0]
    for found, x in zip(here, (m, Q), strict=True):
        fourth = (8 * (x[i + 1] - x[i - 1]) - (x[i + 2] - x[i - 2])) / (12 * h)
        assert found == pytest.approx(fourth, rel=1e-3, abs=1e-7)
    y = theory.states[i].copy()
    y[0], y[1], y[2] = 0.4, sign * y[1], 0.7
    beta = float(theory.params.schedule(theory.t[i], 1.0))
    plain = reference.drift(y, beta, np.ones(1), 1.0, 0.0, 0.1, 1)
    elsewhere = film.flow(theory, theory.t[i], np.array([0.4]), np.array([0.7]))[:, 0]
    np.testing.assert_allclose(elsewhere, plain[[0, 2]], rtol=1e-12)


def test_arrows_stand_only_where_weights_can_be_and_move(trio):
    made = film.learning_animation(*trio, frames=3)
    arrows = next(c for c in made.figure.axes[0].collections if isinstance(c, Quiver))
    assert (arrows.X**2 <= arrows.Y).all()
    first = np.array([arrows.U, arrows.V])
    assert np.hypot(*first).max() <= film.LONGEST * (1 + 1e-12)
    made.show(2)
    assert not np.array_equal(first, [arrows.U, arrows.V])
    assert any(isinstance(c, PolyCollection) for c in made.figure.axes[0].collections)


def test_what_cannot_be_shown_is_refused(trio, tmp_path, monkeypatch):
    made = film.learning_animation(*trio, frames=2)
    with pytest.raises(vaedyn.ParameterError, match=r"animate: expected .*\.gif or \.mp4"):
        film.save_animation(made, tmp_path / "a.avi")
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", lambda: False)
    with pytest.raises(vaedyn.ParameterError, match="animate: there is no ffmpeg"):
        film.save_animation(made, tmp_path / "a.mp4")
    with pytest.raises(vaedyn.errors.OutputError, match="cannot write"):
        film.save_animation(made, tmp_path / "none" / "a.gif")
    params = vaedyn.Params(latent=2, **MODEL)
    with pytest.raises(vaedyn.ParameterError, match="animate: shows the plane"):
        film.check(params)


def test_an_interrupted_film_leaves_nothing(trio, tmp_path):
    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    (tmp_path / "a.gif").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        film.save_animation(
            film.learning_animation(*trio, frames=3), tmp_path / "a.gif", progress=stop
        )
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


FAST = "plot learning-curve --dim 50 --lr 0.1 --t-max 20 --points 21 --runs 2"


def test_the_command_writes_the_film_instead_of_the_picture_or_both(
    run, tmp_path, monkeypatch, sketched
):
    monkeypatch.setattr(film, "HELD", 0)
    monkeypatch.setattr(film.learning_animation, "__kwdefaults__",
                        {**film.learning_animation.__kwdefaults__, "frames": 2})  # fmt: skip
    assert run(f"{FAST} --animate a.gif").out == "a.gif\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a.gif", "vaedyn-store"}
    done = run(f"{FAST} --animate b.gif -o b.png --json").json
    assert (done["output"], done["animation"]) == ("b.png", "b.gif")
    assert [record["kind"] for record in done["records"]] == ["theory", "simulate", "fixedpoints"]
    assert (tmp_path / "b.png").exists()
    assert run(f"{FAST} --animate c.gif --beta 0 --t-max 5 --points 6").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--animate a.avi", "expected a name ending in .gif or .mp4, got 'a.avi'"),
        ("--animate a.mp4", "there is no ffmpeg"),
        ("--animate none/a.gif", "no folder 'none'"),
        ("--animate a.gif --latent 2", "takes --latent 1 and --signal 1, not 2 and 1"),
        ("--animate a.gif --vary beta=1,2", "leave --vary out"),
    ],
)
def test_wrong_words_are_one_line_naming_the_option(run, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    done = run(f"plot learning-curve {words}")
    assert (done.code, done.out) == (2, "")
    assert "--animate: " in done.err
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
