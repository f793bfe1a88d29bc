import pytest

from tests.shared.page import served


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The address of a page that is served while tests look at it."""
    pytest.importorskip("bokeh")
    store = tmp_path_factory.mktemp("page") / "kept"
    with served("--store", str(store)) as (_, address):
        yield address
