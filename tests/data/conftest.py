import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep threads from waiting for each other over many small matrices."""
    with threadpool_limits(1):
        yield
