"""The server of the page: on this machine only, and for pages of its own only."""

import errno
import socket
from collections.abc import Callable
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import ErrorHandler

from ..errors import ParameterError
from ..model.params import Params
from ..model.records import Store
from .own_data import LARGEST

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")  # by which a browser on this machine calls it
MOST_BYTES = 2 * LARGEST  # of one message: a table is sent as text, which is a third longer


class Local(BokehTornado):
    """Answers requests only that call this machine by its own name.

    A page from elsewhere may have let its name stand for this machine.
    """

    def find_handler(self, request: Any, **settings: Any) -> Any:
        if request.host_name not in NAMES:
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
        return super().find_handler(request, **settings)


def application(params: Params, open_store: Callable[[], Store | None]) -> Callable[..., None]:
    """Return the function that fills a document, for each visitor anew."""

    def fill(doc: Document) -> None:
        from .whole_page import whole_page  # what a page needs is imported when there is one

        whole_page(doc, params, open_store)

    return fill


def server(
    params: Params, open_store: Callable[[], Store | None], port: int = 0
) -> tuple[BaseServer, str]:
    """Return a server that has started to listen, and its address.

    Parameters
    ----------
    port : int
        0 for any that is free.

    Raises
    ------
    ParameterError
        When the port is taken, or not to be had.
    """
    try:
        listening = socket.create_server((ADDRESS, port), backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "is in use: choose another one, or leave it out"
        else:
            why = f"cannot be had ({error.strerror}): choose another one, or leave it out"
        raise ParameterError("port", f"{port} {why}") from None
    listening.setblocking(False)
    port = listening.getsockname()[1]
    app = Application(FunctionHandler(application(params, open_store)))
    tornado = Local(
        {"/": app},
        extra_websocket_origins=[f"{name}:{port}" for name in NAMES],
        websocket_max_message_size_bytes=MOST_BYTES,
        absolute_url=None,
    )
    http = HTTPServer(tornado, max_buffer_size=MOST_BYTES)
    http.add_sockets([listening])
    return BaseServer(IOLoop.current(), tornado, http), f"http://{ADDRESS}:{port}/"
