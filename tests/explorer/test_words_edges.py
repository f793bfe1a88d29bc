"""Words and numbers of panels from trajectories that are made up, and models of the talk."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.explorer import explore, marks, panels, presets, slowly
from vaedyn.explorer.panels import Course
from vaedyn.model.command_line import command_line
from vaedyn.model.results import Trajectory
from vaedyn.model.state import pack

TALK = [
    ("first steps",
     "vaedyn theory --dim 400 --lr 0.05 --t-max 300 --init m=0.03,d=0.03,Q=1,E=1,R=0,D=1"),
    ("convergence to the ODE",
     "vaedyn theory --dim 100 --lr 0.05 --t-max 100 --points 101 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"),
    ("learning curves",
     "vaedyn theory --dim 2000 --points 301 --init m=0.2,d=0.2,Q=1,E=1,R=0,D=1"),
    ("entanglement",
     "vaedyn theory --dim 1000 --latent 2 --signal 2 --rho 3,1 --lr 0.05 --t-max 2500 "
     '--points 1001 --init \'{"m": [[0.2, 0.04], [0.16, -0.04]], "d": [[0.2, 0.04], [0.16, '
     '-0.04]], "Q": [[1.0, 0.0], [0.0, 1.0]], "E": [[1.0, 0.0], [0.0, 1.0]], "R": [[0.0, '
     '0.0], [0.0, 0.0]], "D": [1.0, 1.0]}\''),
    ("posterior collapse",
     "vaedyn theory --dim 500 --beta 2.25 --lr 0.05 --t-max 2000 --points 201 --init "
     "m=1,d=0.5,Q=1,E=0.25,R=0.5,D=0.5"),
    ("superfluous latents",
     "vaedyn theory --dim 500 --latent 2 --beta 0.5 --lr 0.05 --t-max 800 --points 201 "
     '--init \'{"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": [[1.0, 0.0], [0.0, 1.0]], '
     '"E": [[0.5, 0.0], [0.0, 0.5]], "R": [[0.4, 0.0], [0.0, 0.4]], "D": [0.5, 0.5]}\''),
    ("relaxation",
     "vaedyn theory --dim 500 --beta 1.9 --lr 0.05 --t-max 2000 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"),
    ("KL annealing",
     "vaedyn theory --dim 1000 --beta 1.5 --lr 0.05 --t-max 400 --anneal tanh:0.016 "
     "--init m=0.2,d=0.2,Q=1,E=1,R=0,D=1"),
    ("KL annealing",
     "vaedyn theory --dim 1000 --beta 1.5 --lr 0.05 --anneal tanh:0.003 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"),
    ("finite rows",
     "vaedyn theory --dim 250 --lr 0.05 --t-max 400 --points 101 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1 --alpha 4"),
    ("other optimisers",
     "vaedyn theory --dim 1000 --rho 2 --t-max 50 --points 101 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1 --batch 16 --momentum 0.9 --latents sampled"),
    ("other optimisers",
     "vaedyn theory --dim 1000 --rho 2 --lr 0.02 --t-max 50 --points 101 --init "
     "m=0.2,d=0.2,Q=1,E=1,R=0,D=1 --batch 16 --latents sampled --optimiser adam"),
]  # fmt: skip


def test_models_of_the_talk():
    assert [(each.claim, command_line(each.params)) for each in presets.PRESETS] == TALK
    assert "3 runs of SGD at N = 100" in presets.PRESETS[1].text
    assert slowly.RUNS == 3


def course(latent=1, signal=1, times=3, notes=(), **parts):
    """Return a trajectory with these order parameters, all others as usual."""
    rho = [4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0][:signal]
    params = Params(latent=latent, signal=signal, rho=rho, eta=0.5, beta=0.75, t_max=8, points=9)
    shape = (times, latent, latent)
    full = {
        "m": np.zeros((times, latent, signal)), "d": np.zeros((times, latent, signal)),
        "Q": np.zeros(shape), "E": np.zeros(shape), "R": np.zeros(shape),
        "D": np.ones((times, latent)), **parts,
    }  # fmt: skip
    ode = Trajectory.from_states(params, pack(**full), t=np.linspace(0, 8, times))
    return Course(ode, tuple(notes))


def test_which_times_are_drawn():
    assert panels.drawn_at(3).tolist() == [0, 1, 2]
    assert len(panels.drawn_at(201)) == 201
    assert len(panels.drawn_at(202)) == 201
    assert panels.drawn_at(202)[[0, -1]].tolist() == [0, 201]
    assert panels.drawn_at(9, 4).tolist() == [0, 2, 4, 6, 8]
    assert (panels.MOST_TIMES, panels.MOST_PLACES) == (200, 600)


@pytest.mark.parametrize(("least", "said"), [(0.97, True), (0.99, False), (1.5, False)])
def test_a_least_error_of_two_per_cent_below_both_ends_is_said(least, said):
    ode = course(Q=np.array([0.0, least - 1, 0.0]).reshape(3, 1, 1) + 0.0)
    ode.ode.eps_g[:] = [1.25, least, 1.0]
    panel = panels.learning(Course(ode.ode, ("note",)))
    words = "The generalisation error goes from 1.25 to 1 at t = 8"
    more = f"; its least value is {least}, at t = 4" if said else ""
    assert panel.words == f"{words}{more}."
    assert panel.notes == ("note",)
    assert panel.arrays["beta"].tolist() == [0.75] * 3
    ode.ode.eps_g[:] = [1.0, 0.0, 1e-20]
    assert panels.learning(ode).arrays["eps_g"].tolist() == [1.0, 1e-16, 1e-16]


def test_a_latent_is_matched_by_strength():
    m = np.zeros((3, 2, 2))
    m[-1] = [[0.5, 0.8], [0.45, 0.3]]
    two = course(2, 2, m=m)
    assert panels.matching(two.ode) == {0: 1, 1: 0}
    assert panels.leading(two.ode) == (0, 0)  # 0.5 times the root of 4
    m[-1] = [[0.1, 0.3], [-0.45, 0.2]]
    assert panels.leading(course(2, 2, m=m).ode) == (1, 0)


def test_order_parameters_in_words():
    parts = {
        "m": np.full((3, 1, 1), 0.123456), "d": np.full((3, 1, 1), 0.5),
        "Q": np.full((3, 1, 1), 0.75), "E": np.full((3, 1, 1), 2.0),
        "R": np.full((3, 1, 1), 0.25), "D": np.full((3, 1), 0.625),
    }  # fmt: skip
    assert panels.order_parameters(course(**parts)).words == (
        "In the end m = 0.123, d = 0.5, Q = 0.75, E = 2, R = 0.25, D = 0.625."
    )
    m = np.zeros((3, 3, 2))
    m[-1] = [[0.5, 0.8], [0.45, 0.3], [0.0, 0.0]]
    Q = np.zeros((3, 3, 3))
    Q[-1] = np.arange(9).reshape(3, 3)
    panel = panels.order_parameters(course(3, 2, m=m, Q=Q))
    assert panel.words == "In the end m 1,2 = 0.8, m 2,1 = 0.45, Q 1,1 = 0, Q 2,2 = 4."
    lines = panel.arrays["lines"]
    labels = {name: [text for n, text, *_ in lines if n == name] for name in "mdQERD"}
    assert labels["m"] == ["m 1,1", "m 1,2", "m 2,1", "m 2,2", "m 3,1", "m 3,2"]
    assert labels["Q"] == ["Q 1,1", "Q 1,2", "Q 1,3", "Q 2,2", "Q 2,3", "Q 3,3"]
    assert len(labels["R"]) == 9
    assert labels["D"] == ["D 1", "D 2", "D 3"]
    own = [text for _, text, own, _ in lines if own]
    assert own[:4] == ["m 1,2", "m 2,1", "d 1,2", "d 2,1"]
    assert own[4:] == [
        *(f"{name} {i},{i}" for name in "QER" for i in (1, 2, 3)), "D 1", "D 2", "D 3"
    ]  # fmt: skip
    assert panel.notes == ()


@pytest.mark.parametrize(("latent", "signal", "said"), [(4, 4, False), (5, 1, True), (1, 5, True)])
def test_a_few_latents_and_signals_are_drawn(latent, signal, said):
    panel = panels.order_parameters(course(latent, signal))
    assert panel.notes == ("Only the first 4 latents and signals are drawn.",) * said
    assert not [text for _, text, *_ in panel.arrays["lines"] if "5" in text]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ([0.5], "1 of 1 latent is active in the end (above 0.01 nats): 0.5 nats."),
        ([0.5, 0.0101],
         "2 of 2 latents are active in the end (above 0.01 nats): 0.5, 0.0101 nats."),
        ([0.0099, 0.5], "1 of 2 latents is active in the end (above 0.01 nats): 0.0099, 0.5 nats."),
        ([0.0] * 9, "0 of 9 latents are active in the end (above 0.01 nats): "
         "0, 0, 0, 0, 0, 0, 0, 0 and so on nats."),
        ([0.0] * 8, "0 of 8 latents are active in the end (above 0.01 nats): "
         "0, 0, 0, 0, 0, 0, 0, 0 nats."),
    ],
)  # fmt: skip
def test_active_latents_in_words(last, words):
    found = course(len(last), 1)
    found.ode.kl_per_latent[-1] = last
    panel = panels.kl(found)
    assert panel.words == words
    assert panel.arrays["kl"].shape == (3, len(last))


def test_the_plane_in_words(monkeypatch):
    asked = []

    def arrows(ode, t, right, top):
        asked.append((t, right, top))
        return "arrows"

    monkeypatch.setattr(panels, "_arrows", arrows)
    m = np.array([0.0, -0.5, -0.25]).reshape(3, 1, 1)
    Q = np.array([1.0, 2.0, 1.5]).reshape(3, 1, 1)
    one = course(m=m, Q=Q)
    panel = panels.plane(one, 0.75)
    assert panel.words == (
        "|m| and Q go from (0, 1) to (0.25, 1.5); at t = 6 they are at (0.375, 1.75). "
        "Arrows are the drift with d, E, R and D as at that time."
    )
    assert panel.arrays["here"].tolist() == [0.375, 1.75]
    assert (panel.arrays["t"], panel.arrays["arrows"]) == (6.0, "arrows")
    assert asked == [(6.0, pytest.approx(0.55), pytest.approx(2.2))]
    panels.plane(one)
    assert asked[-1][0] == 8.0
    two = panels.plane(course(1, 2, m=np.full((3, 1, 2), [0.0, 0.5]), Q=Q))
    assert two.words == (
        "|m| and Q of latent 1 and signal 2 go from (0.5, 1) to (0.5, 1.5); at t = 8 they are at "
        "(0.5, 1.5)."
    )
    assert two.notes == (
        "The flow is drawn for one latent and one signal only; this is the path of the latent "
        "that has learned most.",
    )
    assert two.arrays["arrows"].shape == (4, 0)


@pytest.mark.parametrize(
    "changes", [{"optimiser": "adam"}, {"alpha": 3.0}, {"noise": "1*0.5,2*0.5"}, {}]
)
def test_where_there_is_no_flow(changes):
    why = "The flow is drawn for SGD on fresh data in white noise only; this is the path."
    assert panels._no_flow(Params(**changes)) == (why if changes else None)
    assert panels._no_flow(Params(latent=2)).startswith("The flow is drawn for one latent")


def test_arrows_stand_on_a_grid_where_there_are_weights(monkeypatch):
    asked = []

    def flow(ode, t, x, y):
        asked.append((ode, t))
        return x - 1.0, 0.5 * y

    monkeypatch.setattr(panels, "flow", flow)
    x, y, dx, dy = panels._arrows("ode", 3.0, 2.0, 5.0)  # pyright: ignore
    assert asked == [("ode", 3.0)]
    grid = [
        (0.08 + i * (1.92 - 0.08) / 12, 0.25 + j * (4.75 - 0.25) / 9)
        for j in range(10) for i in range(13)
    ]  # fmt: skip
    expected = np.array([(a, b) for a, b in grid if b > a * a]).T
    np.testing.assert_allclose([x, y], expected, rtol=1e-12)
    slope = np.array([(x - 1) / 2, 0.5 * y / 5])
    speed = np.hypot(*slope)
    length = np.hypot(dx / 2, dy / 5)
    np.testing.assert_allclose(length, 0.075 * np.cbrt(speed / speed.max()), rtol=1e-12)
    np.testing.assert_allclose((dx / 2) * slope[1], (dy / 5) * slope[0], rtol=1e-9, atol=1e-15)
    monkeypatch.setattr(panels, "flow", lambda ode, t, x, y: (0 * x, 0 * y))
    still = panels._arrows("ode", 3.0, 2.0, 5.0)  # pyright: ignore
    assert (still[2:] == 0).all()
    tiny = panels._arrows("ode", 3.0, 0.0, 0.0)  # pyright: ignore
    assert tiny[0].max() == pytest.approx(0.96e-3)
    assert tiny[1].max() == pytest.approx(0.95e-3)
    assert panels._arrows("ode", 3.0, 1e3, 1e-3).shape == (4, 0)  # pyright: ignore


# ---- what takes longer


def test_bands_in_words(monkeypatch):
    for warning, notes in ((None, ()), ("poor", ("poor",))):
        found = SimpleNamespace(
            t=np.arange(3.0), eps_g=np.array([0, 0.25, 0.0123]), warning=warning
        )
        monkeypatch.setattr(slowly, "bands", lambda params, f=found, **how: f)
        panel = slowly.spread(Params())
        assert panel.words == "Theory expects runs to differ by 0.012 in the end (one sigma)."
        assert panel.notes == notes
        assert panel.arrays["std"].tolist() == [0, 0.25, 0.0123]
    slowly.spread(Params(latent=3, signal=5))
    with pytest.raises(vaedyn.ParameterError) as caught:
        slowly.spread(Params(latent=5, signal=1))
    slowly.spread(Params(latent=4, signal=2))
    assert str(caught.value) == (
        "latent: is too large for bands on this page (M = 5, M* = 1): the command line computes "
        "them"
    )


@pytest.mark.parametrize("count", [1, 3])
def test_runs_in_words(monkeypatch, count):
    t = np.linspace(0, 8, 51)
    eps_g = np.outer(1 + np.arange(count) / 8, np.exp(-t) - np.exp(-8.0))
    eps_g[:, -1] += 0.25 * np.arange(count)
    monkeypatch.setattr(slowly, "runs_within", lambda params, engine: (count, 1.0))
    monkeypatch.setattr(
        slowly, "simulate", lambda params, **how: SimpleNamespace(eps_g=eps_g, t=t, how=how)
    )
    panel = slowly.runs(Params(dim=70))
    assert panel.words == (
        "1 run at N = 70 ends at 0." if count == 1 else "3 runs at N = 70 end at 0.25 ± 0.25."
    )
    at = np.unique(np.linspace(0, 50, 25).astype(int))
    assert panel.arrays["t"].tolist() == t[at].tolist()
    np.testing.assert_allclose(panel.arrays["mean"], np.maximum(eps_g.mean(0)[at], 1e-16))
    std = eps_g.std(axis=0, ddof=1) if count > 1 else 0 * t
    np.testing.assert_allclose(panel.arrays["std"], std[at])
    assert panel.arrays["count"] == count


def test_runs_that_take_too_long_in_words(monkeypatch):
    monkeypatch.setattr(slowly, "runs_within", lambda params, engine: (0, 1234.5))
    with pytest.raises(vaedyn.ParameterError) as caught:
        slowly.runs(Params(dim=700, t_max=20))
    assert str(caught.value) == (
        "t_max: is too long for this page, where a run of 14,000 steps takes about 1,234 s: lower "
        "it or N, or take the command line"
    )


def test_the_axis_of_fixed_points():
    panel = slowly.beta_axis(Params(rho=(2.0, 0.5), signal=2, latent=2, lr=1e-6, eta=0.5, beta=9.0))
    axis = panel.arrays["beta"]
    at = [beta for beta, _ in panel.arrays["thresholds"]]
    assert at == pytest.approx([2.5, 1.0, 0.5], rel=1e-3)
    assert [text for _, text in panel.arrays["thresholds"]] == [
        "signal 1 lost", "signal 2 lost", "no noise fitted"
    ]  # fmt: skip
    assert panel.arrays["end"] == pytest.approx(1.3 * 2.5, rel=1e-3)
    np.testing.assert_allclose(axis, panel.arrays["end"] * np.arange(1, 161) / 160)
    model = slowly.of_ends(
        Params(latent=90, signal=30, dim=900, t_max=3, beta=2.0, optimiser="adam")
    )
    assert (model.dim, model.t_max, model.beta, model.points) == (900, 1500.0, 1.0, 401)
    assert slowly.of_ends(Params(latent=90, signal=30, dim=900)).dim == 210
    assert slowly.of_ends(Params(dim=900)).dim == 200


# ---- the page from Python


def test_in_a_notebook_the_page_comes_without_a_banner(monkeypatch):
    done = []
    pytest.importorskip("bokeh.io")
    monkeypatch.setattr("bokeh.io.output_notebook", lambda **how: done.append(how))
    monkeypatch.setattr("bokeh.io.show", lambda fill, **how: done.append(how))
    monkeypatch.setattr(explore, "in_notebook", lambda: True)
    explore.explore()
    assert done == [{"hide_banner": True}, {}]


def test_in_a_script_all_is_compiled_before_the_page_opens(monkeypatch):
    done = []
    pytest.importorskip("bokeh.server")
    monkeypatch.setattr("vaedyn.explorer.serve.server", lambda *_: ("made", "address"))
    monkeypatch.setattr("webbrowser.open", lambda address: done.append(address))
    monkeypatch.setattr(explore, "warm_up", lambda: done.append("warm"))
    monkeypatch.setattr(explore, "run", lambda made: done.append(made))
    monkeypatch.setattr(explore, "in_notebook", lambda: False)
    explore.explore()
    assert done == ["warm", "address", "made"]


@pytest.mark.parametrize(("version", "fits"), [("3.7.0", True), ("3.6.9", False), ("4.0", True)])
def test_bokeh_is_recent(monkeypatch, version, fits):
    monkeypatch.setitem(sys.modules, "bokeh", SimpleNamespace(__version__=version))
    if fits:
        explore.require_bokeh()
        return
    with pytest.raises(vaedyn.VaedynError) as caught:
        explore.require_bokeh()
    assert str(caught.value) == (
        "the page needs bokeh 3.7 or later: pip install 'vaedyn[explore]' (there is 3.6.9)"
    )


def test_keys_are_small_drawings():
    svg = '<svg width="22" height="12" viewBox="0 0 22 12" aria-hidden="true">'
    for found, drawn in (
        (marks.line("a", "red"),
         '<line x1="1" y1="6" x2="21" y2="6" stroke="red" stroke-width="2"/>'),
        (marks.line("a", "red", "dotdash", 1.5),
         '<line x1="1" y1="6" x2="21" y2="6" stroke="red" stroke-width="1.5" '
         'stroke-dasharray="1.5 2.5 5 2.5"/>'),
        (marks.line("a", "red", "dashed"),
         '<line x1="1" y1="6" x2="21" y2="6" stroke="red" stroke-width="2" '
         'stroke-dasharray="5 3"/>'),
        (marks.line("a", "red", "dotted"),
         '<line x1="1" y1="6" x2="21" y2="6" stroke="red" stroke-width="2" '
         'stroke-dasharray="1.5 2.5"/>'),
        (marks.area("a", "red"),
         '<rect x="1" y="1" width="20" height="10" fill="red" opacity="1.0"/>'),
        (marks.dot("a", "red"), '<circle cx="11" cy="6" r="3.5" stroke="red" fill="red"/>'),
        (marks.dot("a", "red", fill="none", radius=5.0, bar=True),
         '<line x1="11" y1="0" x2="11" y2="12" stroke="red"/>'
         '<circle cx="11" cy="6" r="5.0" stroke="red" fill="none"/>'),
        (marks.square("a", "red"), '<rect x="8" y="3" width="6" height="6" fill="red"/>'),
        (marks.arrow("a", "red"), '<line x1="2" y1="6" x2="17" y2="6" stroke="red"/>'
         '<path d="M 21 6 l -6 -3 v 6 z" fill="red"/>'),
    ):  # fmt: skip
        assert found == f'<span class="key">{svg}{drawn}</svg>a</span> '
    assert marks.square("a<b", "red").endswith("a&lt;b</span> ")


def test_answers_for_a_table_before_are_not_shown():
    pytest.importorskip("bokeh")
    from bokeh.document import Document

    from vaedyn.explorer.data_page import DataPage

    page, shown = DataPage(Document()), []
    page._show = lambda part, found: shown.append((part, found))
    page.doc.add_next_tick_callback = lambda function: function()
    page.table = "new"
    page._post("old", "state", "answer")
    assert shown == []
    page._post("new", "state", "answer")
    assert shown == [("state", "answer")]
    page.table = None
    page.close()
