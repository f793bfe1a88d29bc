"""Pictures show the arrays that they are given: every column, axis and line of the key, by hand."""

import numpy as np
import pytest

pytest.importorskip("bokeh")

from vaedyn.explorer import marks, pictures, pictures_of_data
from vaedyn.explorer.pictures import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY
from vaedyn.figures.colours import COLOURS

T = np.array([0.0, 2.0, 5.0])


def same(source, **columns):
    """Compare all columns of a source of data with those expected."""
    assert set(source.data) == set(columns)
    for name, values in columns.items():
        np.testing.assert_allclose(source.data[name], values, rtol=1e-14, err_msg=name)


def empty(source):
    return all(len(x) == 1 and np.isnan(x[0]) for x in source.data.values())


def drawn(picture, source):
    """Return kind and fields of each glyph of a source: what is drawn from which column."""
    return [
        (type(each.glyph).__name__, {
            name: spec.field if hasattr(spec, "field") else spec["field"]
            for name, spec in each.glyph.properties_with_values().items()
            if hasattr(spec, "field") or (isinstance(spec, dict) and "field" in spec)
        })
        for each in picture.figure.renderers if each.data_source is source
    ]  # fmt: skip


def test_a_learning_curve_is_drawn_with_beta_where_it_moves():
    shown = pictures.Learning()
    plain = shown.key
    for text in ("theory", "± 1σ of theory", "SGD, ± 1σ"):
        assert text in plain
    shown.show({"t": T, "eps_g": T + 1, "beta": np.array([0.0, 0.5, 1.5])})
    same(shown.line, t=T, eps_g=T + 1)
    same(shown.beta, t=T, beta=[np.nan, 0.5, 1.5])  # the axis is logarithmic
    assert shown.key == plain + marks.line("β(t)", GREY, "dashed", 1.5)
    shown.show({"t": T, "eps_g": T, "beta": np.full(3, 0.7)})
    assert empty(shown.beta)
    assert shown.key == plain


def test_bands_and_bars_stay_above_a_twentieth_of_their_middle():
    shown = pictures.Learning()
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([0.25, 1.95, 2.9])
    low, high = [0.75, 0.1, 0.15], [1.25, 3.95, 5.9]
    shown.show_band({"eps_g": mean}, {"t": T, "std": std})
    same(shown.band, t=T, low=low, high=high)
    shown.show_runs({"t": T, "mean": mean, "std": std})
    same(shown.markers, t=T, mean=mean, low=low, high=high)
    shown.show_band({}, None)
    shown.show_runs(None)
    assert empty(shown.band)
    assert empty(shown.markers)


def test_columns_of_a_learning_curve_are_drawn():
    shown = pictures.Learning()
    assert drawn(shown, shown.band) == [("VArea", {"x": "t", "y1": "low", "y2": "high"})]
    glyphs = dict(drawn(shown, shown.markers))
    bars, dots = glyphs.pop("Segment"), *glyphs.values()
    assert bars == {"x0": "t", "y0": "low", "x1": "t", "y1": "high"}
    assert (dots["x"], dots["y"]) == ("t", "mean")
    assert drawn(shown, shown.line) == [("Line", {"x": "t", "y": "eps_g"})]
    assert drawn(shown, shown.beta) == [("Line", {"x": "t", "y": "beta"})]
    # a band that is much wider than the line does not set the axis
    assert shown.band not in [each.data_source for each in shown.figure.y_range.renderers]
    assert len(shown.figure.y_range.renderers) == 3
    levels = {type(each.glyph).__name__: each.level for each in shown.figure.renderers}
    assert levels["Segment"] == "underlay"
    assert [each.level for each in shown.figure.renderers
            if each.data_source is shown.beta] == ["underlay"]  # fmt: skip


def test_lines_that_are_not_of_an_own_signal_are_dotted_and_thin():
    shown = pictures.Order()
    names = shown.key
    colours = zip("mdQERD", (BLUE, ORANGE, RED, SKY, GREEN, BLACK), strict=True)
    assert names == "".join(marks.line(name, colour) for name, colour in colours)
    shown.show({"t": T, "lines": [("m", "m 1,1", True, T), ("E", "E 1,2", False, 2 * T)]})
    assert shown.lines.data["colour"] == [BLUE, SKY]
    assert shown.lines.data["dash"] == ["solid", "dotted"]
    assert shown.lines.data["width"] == [2.0, 1.2]
    np.testing.assert_array_equal(shown.lines.data["xs"], [T, T])
    np.testing.assert_array_equal(shown.lines.data["ys"], [T, 2 * T])
    assert shown.key == names + marks.line("not of its own signal", GREY, "dotted", 1.5)
    shown.show({"t": T, "lines": [("D", "D", True, T)]})
    assert shown.lines.data["colour"] == [BLACK]
    assert shown.key == names


@pytest.mark.parametrize("kind", [pictures.KL, pictures_of_data.Learning])
def test_latents_have_a_line_each_and_no_two_look_alike(kind):
    shown = kind()
    values = np.arange(87.0).reshape(3, 29)
    shown.show({"t": T, "kl": values})
    data = shown.lines.data
    np.testing.assert_array_equal(data["ys"], values.T)
    np.testing.assert_array_equal(data["xs"], [T] * 29)
    looks = [(COLOURS[i % 7], ("solid", "dashed", "dotted", "dotdash")[i // 7 % 4])
             for i in range(29)]  # fmt: skip
    assert list(zip(data["colour"], data["dash"], strict=True)) == looks
    assert len(set(looks)) == 28
    assert data["width"] == [2.0] * 29
    named = [marks.line(f"latent {i + 1}", *looks[i]) for i in range(8)]
    assert shown.key == "".join(named)
    assert shown.now.visible == (kind is pictures.KL)


def test_a_path_in_the_plane_with_arrows_at_one_time():
    shown = pictures.Plane()
    made, whole = shown.figure, shown.key
    arrows = np.array([[0.1, 0.2], [0.3, 0.5], [0.0, 0.02], [0.01, 0.0]])
    m, Q = np.array([0.1, 0.5, 0.9]), np.array([1.0, 2.0, 1.5])
    shown.show({"m": m, "Q": Q, "here": np.array([0.5, 2.0]), "arrows": arrows})
    right, top = made.x_range.end, made.y_range.end
    assert (right, top) == (1.0, 2.4)  # 1.1 times the largest, rounded up
    same(shown.path, m=m, Q=Q)
    same(shown.here, m=[0.5], Q=[2.0])
    x = np.linspace(0, right, 40)
    same(shown.edge, m=x, Q=np.minimum(x**2, top))
    angle = [0.0, -np.pi / 2]  # up, and to the right
    x, y, dx, dy = arrows
    same(shown.arrows, x=x, y=y, x1=x + dx, y1=y + dy, angle=angle)
    assert shown.key == whole
    assert "flow" in whole
    shown.show_time({"here": np.array([0.9, 1.5]), "arrows": np.empty((4, 0))})
    same(shown.here, m=[0.9], Q=[1.5])
    assert empty(shown.arrows)
    assert shown.key == whole.removesuffix(marks.arrow("flow", GREY))


def test_arrows_turn_with_the_shape_of_the_panel():
    """A panel is about two to one; 1.6 is that without its margins."""
    shown = pictures.Plane()
    shown.figure.x_range.end, shown.figure.y_range.end = 0.5, 3.0
    arrows = np.array([[0.1], [0.2], [0.05], [0.06]])
    shown.show_time({"here": np.zeros(2), "arrows": arrows})
    slope = (0.06 / 3) / (1.6 * 0.05 / 0.5)
    np.testing.assert_allclose(shown.arrows.data["angle"], [np.arctan(slope) - np.pi / 2])


def test_columns_of_the_plane_are_drawn():
    shown = pictures.Plane()
    (lines, heads) = drawn(shown, shown.arrows)
    assert lines == ("Segment", {"x0": "x", "y0": "y", "x1": "x1", "y1": "y1"})
    assert {name: heads[1][name] for name in ("x", "y", "angle")} == {
        "x": "x1", "y": "y1", "angle": "angle",
    }  # fmt: skip
    ((_, edge),) = drawn(shown, shown.edge)
    assert (edge["x"], edge["y2"]) == ("m", "Q")
    for held in (shown.path, shown.here):
        ((_, place),) = drawn(shown, held)
        assert (place["x"], place["y"]) == ("m", "Q")


def test_a_plane_of_nothing_has_a_size():
    shown = pictures.Plane()
    nothing = np.zeros(3)
    shown.show({"m": nothing, "Q": nothing, "here": nothing[:2], "arrows": np.empty((4, 0))})
    assert shown.figure.x_range.end == shown.figure.y_range.end == 0.0012  # above 1.1e-3


@pytest.mark.parametrize(
    ("value", "above"), [(1.0, 1.2), (0.99, 1.0), (1.9, 2.0), (2.2, 2.4), (47, 48), (2e-3, 2.2e-3)]
)
def test_ends_of_axes_are_rounded_up_to_a_fifth_of_a_decade(value, above):
    assert pictures.rounded_up(value) == above


FOUND = {"eps_g": np.array([0.3, 0.9, 0.5]), "stable": np.array([True, False, False])}


def test_fixed_points_stand_at_beta_and_stable_ones_are_drawn_last():
    shown = pictures.FixedPoints()
    shown.show_points(0.7, {**FOUND, "reached": 0})
    same(shown.points, beta=[0.7] * 3, eps_g=[0.9, 0.5, 0.3], stable=[0, 0, 1])
    same(shown.reached, beta=[0.7], eps_g=[0.3])
    shown.show_points(0.8, {**FOUND, "reached": 2})
    same(shown.reached, beta=[0.8], eps_g=[0.5])
    shown.show_points(0.8, {**FOUND, "reached": None})
    assert np.isnan(shown.reached.data["eps_g"][0])
    shown.show_points(0.8, None)
    assert empty(shown.points)
    assert empty(shown.reached)


def test_columns_of_fixed_points_are_drawn():
    shown = pictures.FixedPoints()
    for held in (shown.line, shown.points, shown.reached):
        ((_, fields),) = drawn(shown, held)
        assert (fields["x"], fields["y"]) == ("beta", "eps_g")
    ((_, fields),) = drawn(shown, shown.points)
    assert fields["fill_color"] == "stable"
    (points,) = [each for each in shown.figure.renderers if each.data_source is shown.points]
    colours = points.glyph.fill_color.transform
    assert (colours.low, colours.high, colours.palette) == (0.0, 1.0, ["#ffffff", RED])
    for text in ("stable state", "stable at this β", "unstable", "where learning ends"):
        assert f">{text}<" in shown.key.replace("</svg>", ">")


def test_the_axis_of_fixed_points_holds_the_line_the_points_and_beta():
    """The first fortieth of the line, at the smallest beta, may leave the picture."""
    shown = pictures.FixedPoints()
    assert (shown.figure.y_range.start, shown.figure.y_range.end) == (-0.06, 1.08)
    beta = np.linspace(0.05, 4, 80)
    eps_g = np.full(80, 0.5)
    eps_g[:3] = 9.0, 7.0, 2.0
    eps_g[-1] = np.nan
    assert shown.MOST == 9
    limits = [(0.5 + i / 4, f"signal {i} lost") for i in range(3)]
    shown.show_axis({"beta": beta, "eps_g": eps_g, "thresholds": limits, "end": 4.0})
    same(shown.line, beta=beta, eps_g=eps_g)
    # 79 known ones, of which one is left out
    assert shown.figure.y_range.end == pytest.approx(1.08 * 7.0)
    assert shown.figure.y_range.start == pytest.approx(-0.06 * 7.0)
    for i, (span, text) in enumerate(zip(shown.limits, shown.texts, strict=True)):
        assert span.visible == text.visible == (i < 3)
        if i < 3:
            assert (span.location, text.x, text.text) == (limits[i][0], *limits[i])
    shown.show_points(0.7, {**FOUND, "reached": 0})
    assert shown.figure.y_range.end == pytest.approx(1.08 * 7.0)
    shown.show_points(0.7, {**FOUND, "eps_g": FOUND["eps_g"] * 10, "reached": 0})
    assert shown.figure.y_range.end == pytest.approx(1.08 * 9.0)
    shown.show_beta(2.0)
    assert (shown.beta.location, shown.figure.x_range.end) == (2.0, 4.0)
    shown.show_beta(5.0)
    assert (shown.beta.location, shown.figure.x_range.end) == (5.0, 1.05 * 5.0)
    none = {"beta": np.empty(0), "eps_g": np.empty(0), "thresholds": [], "end": 2.0}
    shown.show_axis(none)
    assert shown.figure.y_range.end == 1.08
    assert not any(each.visible for each in (*shown.limits, *shown.texts))


TABLE = {"number": np.arange(1, 5), "eigenvalue": np.array([8.0, 4.0, 2.0, 0.5]),
         "signal": np.array([True, True, False, False])}  # fmt: skip


def test_a_spectrum_is_drawn_in_two_parts_over_the_noise_level():
    shown = pictures_of_data.Spectrum()
    plain = shown.key
    shown.show({**TABLE, "eta": 1.25})
    same(shown.signals, x=[1, 2], y=[8, 4])
    same(shown.others, x=[3, 4], y=[2, 0.5])
    assert shown.figure.y_range.start == pytest.approx(0.3)
    assert shown.figure.y_range.end == pytest.approx(12.8)
    assert shown.eta.visible
    assert shown.eta.location == 1.25
    assert shown.key == plain + marks.line("noise level η", GREY, "dashed", 1.5)
    shown.show({**TABLE, "eta": None})
    assert not shown.eta.visible
    assert shown.key == plain
    for held in (shown.signals, shown.others):
        ((_, place),) = drawn(shown, held)
        assert (place["x"], place["y"]) == ("x", "y")


def test_active_units_are_steps_with_the_beta_that_is_recommended():
    shown = pictures_of_data.Active()
    plain = shown.key
    beta, active = np.array([0.2, 0.5, 3.0]), np.array([4, 2, 0])
    shown.show({"beta": beta, "active": active, "best": 0.75})
    same(shown.steps, beta=beta, active=active)
    assert (shown.figure.x_range.start, shown.figure.x_range.end) == (0.2, 3.0)
    assert shown.figure.y_range.start == pytest.approx(-0.12)
    assert shown.figure.y_range.end == pytest.approx(4.42)
    assert shown.best.visible
    assert shown.best.location == 0.75
    assert shown.key == plain + marks.line("recommended β", RED)
    shown.show({"beta": beta, "active": active, "best": None})
    assert not shown.best.visible
    assert shown.key == plain
    assert drawn(shown, shown.steps) == [("Step", {"x": "beta", "y": "active"})]
    (steps,) = shown.figure.renderers
    assert steps.glyph.mode == "after"  # a unit is gone from its threshold on


def test_a_source_that_shows_nothing_is_left_alone():
    """Every change of data is sent to the browser."""
    held = pictures.source("x", "y")
    before = held.data
    pictures.clear(held)
    assert held.data is before
    held.data = {"x": [1.0], "y": [np.nan]}
    pictures.clear(held)
    assert empty(held)
    held.data = {"x": [], "y": []}
    pictures.clear(held)
    assert empty(held)


def test_keys_draw_what_they_stand_for():
    assert 'stroke-dasharray="5 3"' in marks.line("a", RED, "dashed")
    assert 'stroke-dasharray="1.5 2.5"' in marks.line("a", RED, "dotted")
    assert 'stroke-dasharray="1.5 2.5 5 2.5"' in marks.line("a", RED, "dotdash")
    assert "dasharray" not in marks.line("a", RED)
    assert 'stroke-width="2"' in marks.line("a", RED)
    assert 'opacity="0.2"' in marks.area("a", BLUE, 0.2)
    assert "x1=" in marks.dot("a", RED, bar=True)
    assert "x1=" not in marks.dot("a", RED)
    assert f'fill="{RED}"' in marks.dot("a", RED)
    assert f'stroke="{RED}" fill="white"' in marks.dot("a", RED, fill="white")
    assert "a &lt; b</span>" in marks.square("a < b", RED)
    assert f'fill="{GREY}"' in marks.arrow("a", GREY)


EVERY = [pictures.Learning, pictures.Order, pictures.KL, pictures.Plane, pictures.FixedPoints,
         pictures_of_data.Spectrum, pictures_of_data.Active, pictures_of_data.Learning]  # fmt: skip


@pytest.mark.parametrize("kind", EVERY)
def test_every_picture_names_its_axes_and_leaves_scrolling_alone(kind):
    made = kind().figure
    assert made.xaxis.axis_label
    assert made.yaxis.axis_label
    assert made.toolbar.active_drag is None
    assert made.toolbar.logo is None
    assert made.toolbar.autohide
    assert made.toolbar_inner  # no strip above the picture
    assert (made.sizing_mode, made.height, made.min_width) == ("stretch_width", 270, 250)
    ticks = {pictures_of_data.Spectrum: 6, pictures_of_data.Active: 8}.get(kind, 4)
    assert made.xaxis.ticker.desired_num_ticks == made.yaxis.ticker.desired_num_ticks == ticks


@pytest.mark.parametrize("kind", [pictures.Order, pictures.KL, pictures_of_data.Learning])
def test_columns_of_many_lines_are_drawn(kind):
    shown = kind()
    fields = {"xs": "xs", "ys": "ys", "line_color": "colour", "line_dash": "dash",
              "line_width": "width"}  # fmt: skip
    assert drawn(shown, shown.lines) == [("MultiLine", fields)]


def test_marks_of_places_are_part_of_their_pictures():
    for kind in (pictures.Learning, pictures.Order, pictures.KL):
        shown = kind()
        assert shown.now in shown.figure.center
        assert (shown.now.dimension, shown.now.location, shown.now.line_width) == ("height", 0, 1)
    shown = pictures.FixedPoints()
    for each in (shown.beta, *shown.limits, *shown.texts):
        assert each in shown.figure.center
    assert not any(each.visible for each in (*shown.limits, *shown.texts))
    assert (shown.beta.location, shown.figure.x_range.end) == (1, 2)
    for kind, name, across in (("Spectrum", "eta", "width"), ("Active", "best", "height")):
        shown = getattr(pictures_of_data, kind)()
        mark = getattr(shown, name)
        assert mark in shown.figure.center
        assert mark.dimension == across
        assert not mark.visible


def test_glyphs_look_like_their_key():
    """Colours, widths and shades of the key stand for what is drawn in them."""
    curve, plane, ends = pictures.Learning(), pictures.Plane(), pictures.FixedPoints()
    for shown, held, text in (
        (curve, curve.line, "theory"), (plane, plane.path, "path"),
        (ends, ends.line, "stable state"),
    ):  # fmt: skip
        (line,) = [each.glyph for each in shown.figure.renderers if each.data_source is held]
        assert marks.line(text, line.line_color, width=line.line_width) in shown.key
    (band,) = [each.glyph for each in curve.figure.renderers if each.data_source is curve.band]
    assert marks.area("± 1σ of theory", band.fill_color, band.fill_alpha) in curve.key
    (edge,) = [each.glyph for each in plane.figure.renderers if each.data_source is plane.edge]
    assert marks.area("no weights", edge.fill_color) in plane.key
    assert edge.y1 == 0
    for each in curve.figure.renderers:
        if each.data_source is curve.markers:
            assert each.glyph.line_color == RED
    reached = [each.glyph for each in ends.figure.renderers if each.data_source is ends.reached]
    assert [(mark.fill_color, mark.line_color) for mark in reached] == [(None, BLACK)]
    (here,) = [each.glyph for each in plane.figure.renderers if each.data_source is plane.here]
    assert marks.dot("at time t", here.fill_color) in plane.key
