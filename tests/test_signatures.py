"""What users may call, and with which defaults, changes on purpose only."""

from tests.signatures import FILE, lines


def test_arguments_and_their_defaults_are_those_that_users_know():
    known, found = FILE.read_text().splitlines(), list(lines())
    changed = sorted({*known} ^ {*found})
    assert found == known, (
        f"{changed}: where this is meant, run python -m tests.signatures, and say so in the "
        "changelog"
    )
