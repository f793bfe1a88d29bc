"""Draw the pictures of the page of `vaedyn explore` for the documentation, in Chromium."""

import tempfile
from pathlib import Path

import numpy as np

from tests.shared.page import browser, served

PATIENCE = 120_000  # milliseconds


def screenshots(folder: Path) -> None:
    """Write pictures of both tabs into a folder."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 30)) + 2.2 * rng.normal(size=(600, 1)) * (np.arange(30) < 6)
    rows += 1.2 * rng.normal(size=(600, 1)) * (np.arange(30) > 20)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as profile,
        served("--no-store") as (_, address),
        browser(profile, width=1400, height=960) as context,
    ):
        table = Path(profile) / "table.npy"
        np.save(table, rows)
        page = context.new_page()
        page.goto(address)
        page.get_by_role("button", name="Next ›").click()
        page.get_by_text("runs at N = 400").wait_for(timeout=PATIENCE)
        page.get_by_text("Theory expects runs").wait_for(timeout=PATIENCE)
        page.wait_for_timeout(1000)
        page.screenshot(path=folder / "model.png")
        page.get_by_text("Your data", exact=True).click()
        page.locator("input[type=file]").set_input_files(table)
        page.get_by_text("active in the end; learned").wait_for(timeout=PATIENCE)
        page.wait_for_timeout(1000)
        page.screenshot(path=folder / "data.png")


if __name__ == "__main__":
    screenshots(Path(__file__).parents[1] / "docs" / "explorer")
