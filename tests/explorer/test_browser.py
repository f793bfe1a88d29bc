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


@pytest.fixture(scope="module")
def visit(context, address):
    """Return a function that opens the page; afterwards nothing has gone wrong on any."""
    wrong = []

    def call(width=1400):
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if foreign(asked.url) else None)
        page.goto(address)
        page.get_by_role("button", name="Next ›").wait_for()
        return page

    def foreign(url):
        return not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))

    yield call
    assert wrong == []


@pytest.fixture(scope="module")
def opened(visit):
    """The page, as it is opened."""
    return visit()


@pytest.fixture
def page(opened):
    """The page with the first model of the talk, `FIRST`."""
    opened.get_by_text("Model", exact=True).click()
    for value in ("", "0"):
        opened.evaluate(
            "value => { Bokeh.documents[0].get_model_by_name('talk').value = value; }", value
        )
    shown(opened)
    return opened


FIRST = PRESETS[0].params
OF = "[...Bokeh.documents[0]._all_models.values()]"
WORDS = f"{OF}.filter(each => each.type === 'Div').map(each => each.text).join(' ')"
CURVE = f"""{OF}.find(
    each => each.type === 'ColumnDataSource' && 'eps_g' in each.data && 't' in each.data
  ).data.eps_g"""


def curve(page):
    """Return the line of the learning curve as the browser has it."""
    return page.evaluate(f"() => Array.from({CURVE})")


def field(page, label):
    return page.locator(f'[aria-label="{label}, exact value"] input')


def fill(page, label, text):
    box = field(page, label)
    box.fill(text)
    box.press("Enter")


def shown(page, model=FIRST, **changes):
    """Wait until the curve is that of theory."""
    expected = vaedyn.theory(model, **changes).eps_g
    page.wait_for_function(f"last => {CURVE}.at(-1) === last", arg=float(expected[-1]))


def settled(page):
    """Wait until nothing is being computed any more."""
    page.wait_for_function(f"() => !{WORDS}.includes('span class=\\x22busy')")


def test_the_first_picture_is_that_of_the_model(opened):
    ode = vaedyn.theory()
    shown(opened, ode.params)
    found = curve(opened)
    assert len(found) == 201
    np.testing.assert_array_equal(found, ode.eps_g[::2])
    assert opened.title() == "vaedyn"
    opened.get_by_text(f"{ode.eps_g[-1]:.6g} at t = 1500").wait_for()
    opened.get_by_text("3 runs at N = 200 end at").wait_for()


def test_a_slider_that_is_dragged_and_arrow_keys_move_the_curve(page):
    handle = page.locator(".noUi-handle").first
    box, before = handle.bounding_box(), curve(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 5)
    page.wait_for_function(f"last => {CURVE}.at(-1) !== last", arg=before[-1])
    page.mouse.up()
    page.wait_for_timeout(300)
    beta = float(field(page, "β  KL weight").input_value())
    assert beta > 1
    shown(page, beta=beta)
    handle.press("ArrowLeft")
    shown(page, beta=round(beta - 0.02, 10))
    assert float(field(page, "β  KL weight").input_value()) == pytest.approx(beta - 0.02)


def test_a_field_takes_what_no_slider_reaches_and_moves_the_slider(page):
    fill(page, "τ  learning rate", "0.0312345")
    shown(page, lr=0.0312345)
    assert field(page, "τ  learning rate").input_value() == "0.0312345"
    at = page.evaluate(f"() => {OF}.find(x => x.type === 'Slider' && x.title[0] === 'τ').value")
    assert at == pytest.approx(np.log10(0.0312345))


def test_what_is_no_model_is_said_and_the_picture_stays(page):
    before = curve(page)
    fill(page, "ρ  signal strength", "4,2")
    page.get_by_text("There is no such model: rho expected one number or 1").wait_for()
    assert curve(page) == before
    fill(page, "M*  signals", "2")
    page.get_by_text("There is no such model").wait_for(state="detached")
    page.get_by_text("signal 1 lost above").or_(page.get_by_text("Signal 1 lost above")).wait_for()


def test_a_model_that_diverges_is_said(page):
    fill(page, "τ  learning rate", "4")
    page.get_by_text("the ODE diverges near").first.wait_for()
    page.get_by_text("No runs: learning diverges").wait_for()


def test_the_talk_goes_on_by_button_and_key(page):
    page.get_by_role("button", name="Next ›").click()
    page.get_by_text(PRESETS[1].text[:40]).wait_for()
    shown(page, PRESETS[1].params)
    page.locator("body").press("PageDown")
    page.get_by_text(PRESETS[2].text[:40]).wait_for()
    page.locator("body").press("PageUp")
    page.get_by_role("button", name="‹ Back").click()
    page.get_by_text(PRESETS[0].text[:40]).wait_for()
    shown(page)
    settled(page)
    line = page.locator('[aria-label="command line"] textarea').input_value()
    assert line == vaedyn.command_line(FIRST, "plot learning-curve", bands=True, runs=3)


def test_two_visitors_do_not_disturb_one_another(page, visit):
    """The second has a narrow screen, on which nothing is wider than it."""
    other = visit(390)
    fill(page, "β  KL weight", "1.7")
    fill(other, "β  KL weight", "0.4")
    shown(page, beta=1.7)
    shown(other, vaedyn.Params(beta=0.4))
    assert field(page, "β  KL weight").input_value() == "1.7"
    settled(other)
    for tab in ("Your data", "Model"):
        other.get_by_text(tab, exact=True).click()
        for what in ("document.documentElement", "document.querySelector('main')"):
            assert other.evaluate(f"() => {what}.scrollWidth") <= 390
    other.close()


def test_a_table_is_looked_at_and_what_is_none_is_said(page, tmp_path):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 12))
    rows[:, 2] += 3 * rng.normal(size=300)
    np.save(tmp_path / "mine.npy", rows)
    (tmp_path / "words.csv").write_text("a,b\nx,y\n")
    page.get_by_text("Your data", exact=True).click()
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.npy")
    found = vaedyn.look(rows)
    page.get_by_text(f"KL weight beta = {found.prediction.beta:.6g}, latent dimension").wait_for()
    page.get_by_text("1 of 1 latent is active in the end; learned").wait_for()
    page.locator("input[type=file]").set_input_files(tmp_path / "words.csv")
    page.get_by_text("words.csv, line 2, column 1 is not a number").wait_for()
