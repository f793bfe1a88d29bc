"""`vaedyn explore`."""

import logging
import sys
import threading
import webbrowser
from typing import Any

import click

from vaedyn.model.params import Params

from ..store import ResultStore
from .model_options import with_model
from .options import Command, option
from .output import print_json
from .session import Session

log = logging.getLogger("vaedyn.cli")
PAGE_OPTIONS = [
    option(
        "Output",
        "--port",
        type=click.IntRange(1, 65535),
        default=None,
        help="Port of the page on 127.0.0.1.",
        show_default="any that is free",
    ),
    option(
        "Output",
        "--no-browser",
        is_flag=True,
        help="Print the address only, and open no browser.",
    ),
    option(
        "Store",
        "--no-store",
        is_flag=True,
        help="Keep nothing, and look nothing up.",
    ),
]


@click.command(
    "explore",
    cls=Command,
    examples=[
        "vaedyn explore",
        "vaedyn explore --latent 2 --signal 2 --rho 3,1 --lr 0.05",
        "vaedyn explore --port 8000 --no-browser",
    ],
)
@with_model(PAGE_OPTIONS)
def command(
    session: Session, params: Params, port: int | None, no_browser: bool, no_store: bool
) -> None:
    """Open a page in the browser on which the model is explored.

    Sliders and fields set the parameters; the learning curve, order parameters, fixed
    points and KL divergences follow them, and simulated training comes a moment
    later. A second tab looks at a table of your own. The page is served to this
    machine only, and needs the package bokeh: pip install 'vaedyn[explore]'.

    The options of the model are where it begins. What belongs to a model on which you rest is
    kept in the store, as the other commands do. Ctrl-C ends it.
    """
    from vaedyn.explorer.explore import require_bokeh, warm_up

    require_bokeh()
    from vaedyn.explorer.serve import server

    def open_store() -> ResultStore | None:
        if no_store:
            return None
        return ResultStore(session.store_path, recompute=session.recompute)

    made, address = server(params, open_store, port or 0)
    with session.progress("get ready") as progress:
        warm_up(progress)
    quiet()
    if session.as_json:
        print_json({"command": "explore", "address": address})
    else:
        click.echo(address)
    sys.stdout.flush()
    if not no_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    serve(made)


def quiet() -> None:
    """Let notes on computations go to the page alone, and those of its server nowhere."""
    logging.getLogger("vaedyn").handlers = [logging.NullHandler()]
    for name in ("bokeh", "tornado"):
        logging.getLogger(name).setLevel(logging.ERROR)


def serve(made: Any) -> None:
    """Serve until a signal arrives."""
    try:
        made.start()
        made.io_loop.start()
    finally:
        made.stop(wait=False)
