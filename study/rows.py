"""The tables that VAEs are trained on: three of scikit-learn, and two that are drawn."""

import numpy as np

TABLES = {
    "wine": "178 wines, 13 measurements, standardised",
    "cancer": "569 breast tumours, 30 measurements, standardised",
    "digits": "1797 handwritten digits, 64 pixels between 0 and 1",
    "spiked": "1000 draws of four gaussian signals in white noise, 50 columns",
    "rare": "2000 draws, 20 columns; 2 % of them in a cluster far from all others",
}
LATENTS = {"wine": 10, "cancer": 10, "digits": 20, "spiked": 10, "rare": 10}
SHARE, DISTANCE = 0.02, 15.0  # of the rare cluster; its distance in deviations of the noise


def rows(name: str) -> np.ndarray:
    """Return a table (samples, columns) whose columns have the mean 0."""
    from sklearn import datasets  # type: ignore[import-untyped]

    generator = np.random.default_rng(5)
    if name == "digits":
        table = datasets.load_digits().data / 16
    elif name in ("wine", "cancer"):
        table = {"wine": datasets.load_wine, "cancer": datasets.load_breast_cancer}[name]().data
        table = table / table.std(axis=0)
    elif name == "spiked":
        directions = np.linalg.qr(generator.standard_normal((50, 4)))[0]
        signals = generator.standard_normal((1000, 4)) * np.sqrt([3.0, 2.0, 1.2, 0.7])
        table = signals @ directions.T + np.sqrt(0.5) * generator.standard_normal((1000, 50))
    else:
        table = generator.standard_normal((2000, 20))
        table[:, 1] *= np.sqrt(3.0)
        table[: round(SHARE * len(table)), 0] += DISTANCE
    return table - table.mean(axis=0)


def eigenvalues(table: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the rows' covariance, divided by their number, descending."""
    return np.linalg.eigvalsh(table.T @ table / len(table))[::-1]
