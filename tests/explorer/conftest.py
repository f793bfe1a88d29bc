import signal

import pytest

from tests.shared.page import ended_by, served


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The address of a page that is served while tests look at it, and then ends cleanly."""
    pytest.importorskip("bokeh")
    store = tmp_path_factory.mktemp("page") / "kept"
    with served("--store", str(store)) as (server, address):
        yield address
        assert ended_by(signal.SIGTERM, 143, server)[-1] == "error: terminated"
