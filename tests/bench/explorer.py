"""How soon the page of `vaedyn explore` is drawn again, where a browser is there."""

import statistics

from tests.repaints import CHROMIUM_LACKS, repaints


def explorer_rows() -> list[dict]:
    """Measure milliseconds from one repaint to the next while a slider is dragged."""
    if CHROMIUM_LACKS:
        return []
    rows = []
    for M, options in ((1, ()), (2, ("--latent", "2", "--signal", "2", "--rho", "3,1"))):
        found = [1000 / max(repaints(*options)["repaints a second"], 1e-3) for _ in range(3)]
        rows.append({
            "case": f"vaedyn explore, a dragged slider, M = M* = {M}", "who": "one repaint",
            "min": min(found), "median": statistics.median(found), "unit": "ms", "ratio": 1.0,
        })  # fmt: skip
    return rows
