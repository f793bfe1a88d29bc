"""Rows that are copies of others: found while they stream by, by fingerprints."""

import numpy as np

MOST = 2**17  # fingerprints that are kept
FEWEST = 20  # different rows from which on equal counts are no accident
SHARE = 0.1  # of copies among the rows that is worth a warning
HEAD, WIDE = 1024, 64  # rows and columns that are compared one by one
REACH = 20  # times as many rows as are compared, up to which they stand for all


class Copies:
    """How often rows occur.

    Of many rows, only those are counted whose fingerprints end in zeros: a random part of all
    different rows, of which every copy is seen.
    """

    def __init__(self) -> None:
        self.factors = np.empty(0, np.uint64)
        self.mask, self.rows = np.uint64(0), 0
        self.seen, self.counts = np.empty(0, np.uint64), np.empty(0, int)
        self.head = np.empty((0, 0))

    def see(self, block: np.ndarray) -> None:
        """Take in a block (rows, dim)."""
        if not len(self.factors):
            random = np.random.default_rng(0)
            drawn = random.integers(2**63, size=block.shape[1], dtype=np.uint64)
            self.factors = 2 * drawn + np.uint64(1)
            self.some = np.unique(np.linspace(0, block.shape[1] - 1, WIDE).astype(int))
            self.head = np.empty((0, len(self.some)))
        if len(self.head) < HEAD:
            more = block[: HEAD - len(self.head), self.some]
            self.head = np.concatenate([self.head, more])
        marks = self._marks(block)
        marks = marks[marks & self.mask == 0]
        self.rows += len(block)
        self.seen, places = np.unique(np.concatenate([self.seen, marks]), return_inverse=True)
        weights = np.concatenate([self.counts, np.ones(len(marks), int)])
        self.counts = np.bincount(places, weights, len(self.seen)).astype(int)
        while len(self.seen) > MOST:
            self.mask = (self.mask << np.uint64(1)) | np.uint64(1)
            kept = self.seen & self.mask == 0
            self.seen, self.counts = self.seen[kept], self.counts[kept]

    def _marks(self, block: np.ndarray) -> np.ndarray:
        """Return a fingerprint of every row, in which 0 and -0 are alike."""
        bits = np.ascontiguousarray(block + 0.0, dtype=float).view(np.uint64)
        marks = ((bits ^ (bits >> np.uint64(29))) * self.factors).sum(axis=1, dtype=np.uint64)
        marks = (marks ^ (marks >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
        return marks ^ (marks >> np.uint64(29))

    def doubts(self) -> list[str]:
        """Return in words that rows are copies, if they are none by chance.

        Rows of few values in few columns are equal by chance; but then others nearly are, too.
        """
        if len(self.counts) < 2:
            return []
        times = int(np.gcd.reduce(self.counts))
        cure = "rows must be independent, and copies look like signals: keep one of each"
        if times > 1 and len(self.counts) >= FEWEST:
            often = {2: "twice", 3: "three times"}.get(times, f"{times} times")
            return [f"every row is there {often}: {cure}"]
        others = np.sort(self.counts)[:-1]  # the most frequent may stand for nothing
        share = float((others - 1).sum() / self.counts.sum())
        few = self.head.shape[1] < 2 or self.rows > REACH * len(self.head)
        if share < SHARE or few or self._near():
            return []
        return [f"{100 * share:.0f} % of the rows are copies of others: {cure}"]

    def _near(self) -> bool:
        """Return whether rows differ in one column only, of those that are compared."""
        different = np.unique(self.head, axis=0)
        for k, row in enumerate(different[:-1]):
            if ((different[k + 1 :] != row).sum(axis=1) <= 1).any():
                return True
        return False
