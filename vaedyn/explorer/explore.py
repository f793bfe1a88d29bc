"""The page from Python: in a notebook below its cell, elsewhere in the browser."""

import sys
from collections.abc import Callable
from typing import Any, Unpack

from ..errors import VaedynError
from ..model.asked import ADAM, STEPS, params_of
from ..model.params import Fields, Params
from ..model.records import Progress, Store

LACKING = "the page needs bokeh 3.7 or later: pip install 'vaedyn[explore]'"
OF_MODEL = ("noise", "alpha", *STEPS, *ADAM)


class MissingBokehError(VaedynError, ImportError):
    """The package that makes the page is not there."""


def explore(
    params: Params | None = None,
    *,
    store: Store | None = None,
    notebook_url: str | Callable[[int | None], str] | None = None,
    **changes: Unpack[Fields],
) -> None:
    """Show a page on which a model is explored: sliders, and pictures that follow them.

    In a notebook it stands below the cell. Elsewhere it is opened in the browser, and the function
    returns when it is interrupted (Ctrl-C).

    Parameters
    ----------
    params : Params, optional
        The model to begin with.
    store : ResultStore, optional
        Where to look for results when someone rests on a model, and to keep them.
    notebook_url : str or callable, optional
        The address of the notebook, where it is another than Bokeh expects, see
        ``bokeh.io.show``; such as ``"http://localhost:8889"``.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    MissingBokehError
        Without bokeh, the extra ``vaedyn[explore]``; it is an ImportError, too.
    ParameterError
        When a parameter is out of range.
    """
    params = params_of(explore, params, changes, derived=OF_MODEL)
    require_bokeh()
    from .serve import application, server

    fill = application(params, lambda: store)
    if in_notebook():
        from bokeh.io import output_notebook, show

        where: Any = {} if notebook_url is None else {"notebook_url": notebook_url}
        output_notebook(hide_banner=True)
        show(fill, **where)
        return
    import webbrowser

    warm_up()
    made, address = server(params, lambda: store)
    print(address, flush=True)
    webbrowser.open(address)
    run(made)


def in_notebook() -> bool:
    """Return whether this runs in a notebook's kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def require_bokeh() -> None:
    """Refuse to go on without bokeh.

    Raises
    ------
    MissingBokehError
    """
    try:
        from bokeh import __version__
    except ImportError:
        raise MissingBokehError(LACKING) from None
    major, minor = (int(part) for part in __version__.split(".")[:2])
    if (major, minor) < (3, 7):
        raise MissingBokehError(f"{LACKING} (there is {__version__})")


def run(made: Any) -> None:
    """Serve until the process is interrupted, and end all that is being computed."""
    try:
        made.start()
        made.io_loop.start()
    except KeyboardInterrupt:
        pass
    finally:
        made.stop(wait=False)


def warm_up(progress: Progress | None = None) -> None:
    """Compile all that the page calls, or load it, so that the first picture comes at once."""
    from .panels import at_once, course
    from .slowly import beta_axis, points, runs, spread

    steps: list[Callable[[Params], Any]] = [
        lambda params: at_once(course(params)), spread, runs, points, beta_axis,
    ]  # fmt: skip
    small = Params(dim=20, t_max=2, points=3)
    models = [small, small.replace(latent=2, signal=2, rho=(2, 1))]
    for i, params in enumerate(models):
        for k, step in enumerate(steps):
            step(params)
            if progress:
                progress(i * len(steps) + k + 1, len(models) * len(steps))
