"""The page in a browser, as a visitor sees and uses it."""

import numpy as np
import pytest

import vaedyn
from tests.shared.page import browser, lacking
from vaedyn.explorer.presets import PRESETS

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")
PATIENCE = 60_000  # milliseconds: machines may be busy


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def visit(context, address):
    """Return a function that opens the page; afterwards nothing has gone wrong on any."""
    opened, wrong = [], []

    def call(width=1400):
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if foreign(asked.url) else None)
        page.goto(address)
        opened.append(page)
        settled(page)
        return page

    def foreign(url):
        return not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))

    yield call
    for page in opened:
        page.close()
    assert wrong == []


def settled(page):
    """Wait until nothing is being computed any more."""
    page.get_by_text("runs at N =").or_(page.get_by_text("No runs")).first.wait_for()
    page.wait_for_function(f"() => {WORDS}.length > 0 && !{TEXT}.includes('computing')")


WORDS = "[...Bokeh.documents[0]._all_models.values()].filter(each => each.type === 'Div')"
TEXT = f"{WORDS}.map(each => each.text).join(' ')"
CURVE = """() => [...Bokeh.documents[0]._all_models.values()].find(
    each => each.type === 'ColumnDataSource' && 'eps_g' in each.data && 't' in each.data
  ).data"""


def curve(page):
    """Return the line of the learning curve as the browser has it."""
    return page.evaluate(f"() => Array.from(({CURVE})().eps_g)")


def field(page, label):
    return (
        page.get_by_label(label).locator("input")
        if False
        else page.locator(f'[aria-label="{label}, exact value"] input')
    )


def fill(page, label, text):
    box = field(page, label)
    box.fill(text)
    box.press("Enter")


def shown_eps(page, **model):
    """Wait until the curve is that of theory."""
    expected = vaedyn.theory(**model).eps_g
    page.wait_for_function(
        f"([last]) => {{ const y = ({CURVE})().eps_g; return y[y.length - 1] === last; }}",
        arg=[float(expected[-1])],
    )


def test_the_first_picture_is_that_of_the_model(visit):
    page = visit()
    found, ode = curve(page), vaedyn.theory()
    assert len(found) == 201
    np.testing.assert_array_equal(found, ode.eps_g[::2])
    assert f"{ode.eps_g[-1]:.6g}" in page.evaluate(f"() => {TEXT}")
    assert page.title() == "vaedyn"


def test_a_slider_that_is_dragged_and_arrow_keys_move_the_curve(visit):
    page = visit()
    handle = page.locator(".noUi-handle").first
    box = handle.bounding_box()
    before = curve(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 5)
    page.wait_for_function(f"([y]) => ({CURVE})().eps_g.at(-1) !== y", arg=[before[-1]])
    page.mouse.up()
    settled(page)
    beta = float(field(page, "β  KL weight").input_value())
    assert beta > 1
    shown_eps(page, beta=beta)
    handle.press("ArrowLeft")
    shown_eps(page, beta=round(beta - 0.02, 10))
    assert float(field(page, "β  KL weight").input_value()) == pytest.approx(beta - 0.02)


def test_a_field_takes_what_no_slider_reaches_and_moves_the_slider(visit):
    page = visit()
    fill(page, "τ  learning rate", "0.0312345")
    shown_eps(page, lr=0.0312345)
    assert field(page, "τ  learning rate").input_value() == "0.0312345"
    at = page.evaluate(
        f"() => {WORDS.replace('Div', 'Slider')}.find(each => each.title.startsWith('τ')).value"
    )
    assert at == pytest.approx(np.log10(0.0312345))


def test_what_is_no_model_is_said_and_the_picture_stays(visit):
    page = visit()
    before = curve(page)
    fill(page, "ρ  signal strength", "4,2")
    page.get_by_text("There is no such model: rho expected one number or 1").wait_for()
    assert curve(page) == before
    fill(page, "M*  signals", "2")
    shown_eps(page, signal=2, rho=(4, 2))
    page.get_by_text("There is no such model").wait_for(state="detached")


def test_a_model_that_diverges_is_said(visit):
    page = visit()
    fill(page, "τ  learning rate", "3")
    page.get_by_text("the ODE diverges near t = 0.26").first.wait_for()
    page.get_by_text("No runs: learning diverges").wait_for()


def test_the_talk_goes_on_by_button_and_key(visit):
    page = visit()
    page.get_by_role("button", name="Next ›").click()
    page.get_by_text(PRESETS[0].text[:40]).wait_for()
    shown_eps(page, **changes(PRESETS[0].params))
    page.locator("body").press("PageDown")
    page.get_by_text(PRESETS[1].text[:40]).wait_for()
    shown_eps(page, **changes(PRESETS[1].params))
    page.get_by_role("button", name="‹ Back").click()
    page.get_by_text(PRESETS[0].text[:40]).wait_for()
    settled(page)
    line = page.locator('[aria-label="command line"] textarea').input_value()
    assert line == vaedyn.command_line(PRESETS[0].params, "plot learning-curve", bands=True, runs=3)


def changes(params):
    return {name: getattr(params, name) for name in vaedyn.Params.__dataclass_fields__}


def test_two_visitors_do_not_disturb_one_another(visit):
    one, two = visit(), visit()
    fill(one, "β  KL weight", "1.7")
    fill(two, "β  KL weight", "0.4")
    shown_eps(one, beta=1.7)
    shown_eps(two, beta=0.4)
    assert field(one, "β  KL weight").input_value() == "1.7"


@pytest.mark.parametrize("width", [390, 1000])
def test_nothing_is_wider_than_the_screen(visit, width):
    page = visit(width)
    for tab in ("Your data", "Model"):
        page.get_by_text(tab, exact=True).click()
        page.wait_for_timeout(300)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "() => Bokeh.documents[0].roots()[0] && document.querySelector('main').scrollWidth"
    )
    assert wide <= width


def test_a_table_is_looked_at_and_what_is_none_is_said(visit, tmp_path):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 12))
    rows[:, 2] += 3 * rng.normal(size=300)
    np.save(tmp_path / "mine.npy", rows)
    (tmp_path / "words.csv").write_text("a,b\nx,y\n")
    page = visit()
    page.get_by_text("Your data", exact=True).click()
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.npy")
    found = vaedyn.look(rows)
    page.get_by_text(f"KL weight beta = {found.prediction.beta:.6g}, latent dimension").wait_for()
    page.get_by_text("1 of 1 latent is active in the end; learned").wait_for()
    page.locator("input[type=file]").set_input_files(tmp_path / "words.csv")
    page.get_by_text("words.csv, line 2, column 1 is not a number").wait_for()
