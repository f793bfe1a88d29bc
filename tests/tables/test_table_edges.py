"""Tables in files as a whole: what is said of them, told apart, opened again, and refused."""

import io
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.errors import ParameterError
from vaedyn.tables import piped as piped_module
from vaedyn.tables import table as module
from vaedyn.tables.lines import TableError
from vaedyn.tables.piped import piped
from vaedyn.tables.table import Table, _ending, _unreadable, as_table, open_table

X = np.arange(12.0).reshape(4, 3)


def refused(call, *given, error=TableError, **options):
    with pytest.raises(error) as caught:
        call(*given, **options)
    return str(caught.value)


def table(read, rows=4, place="x.csv"):
    return Table(Path("x.csv"), "", rows, 3, read, place=place)


def test_blocks_are_floats_and_all_of_them():
    whole = table(lambda most: iter([X[:2].astype("i4"), np.asfortranarray(X[2:])]))
    blocks = list(whole.blocks(2))
    assert all(block.dtype == float and block.flags.c_contiguous for block in blocks)
    assert np.array_equal(np.concatenate(blocks), X)
    assert (whole.note, whole.found, whole.asked) == ("", "", {})
    for rows in (3, 5):
        assert refused(lambda rows=rows: list(table(lambda most: iter([X]), rows).blocks(1))) == (
            f"x.csv had {rows} rows and now has 4: it changed while it was read"
        )
    assert refused(lambda: next(whole.blocks(0)), error=ValueError) == (
        "most_rows must be at least 1, got 0"
    )


def test_whatever_goes_wrong_in_reading_is_one_line():
    def fails(error, place="x.csv"):
        def read(most):
            yield X[:1]
            raise error

        return refused(lambda: list(table(read, place=place).blocks(1)))

    damaged = "x.csv is damaged, or not what its name says: "
    assert fails(ValueError("a\nb")) == f"{damaged}a"
    assert fails(EOFError()) == f"{damaged}EOFError"
    assert fails(OSError(13, "no")) == "cannot read x.csv: no"
    assert fails(OSError("odd")) == f"{damaged}odd"
    assert fails(TableError("x.csv, line 3: b")) == "x.csv, line 3: b"
    assert fails(TableError("x.csv, line 3: b"), "-") == "standard input, line 3: b"
    assert fails(KeyError("k"), "-") == f"{damaged}'k'".replace("x.csv", "standard input")
    assert str(_unreadable(Path("f"), RuntimeError())) == (
        "f is damaged, or not what its name says: RuntimeError"
    )


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("x.csv", ".csv"), ("x.CSV.GZ", ".csv.gz"), ("x.npy.gz", ".npy.gz"), ("x.y.npy", ".npy"),
        ("x", ""), ("x.gz", ".gz"), ("a.b.c.txt", ".txt"), ("a.tsv.gz", ".tsv.gz"),
    ],
)  # fmt: skip
def test_endings(name, ending):
    assert _ending(Path(name)) == ending


def test_what_is_read_is_said(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,w,b\n1,u,2\n3,v,\n5,w,6\n")
    found = open_table(path, missing="drop")
    assert (found.rows, found.columns, found.asked) == (2, 2, {"missing": "drop"})
    assert found.found == (
        f"read {path}, 2 rows of 2 numbers (a, b); 1 column left out, not numbers: w (words such "
        "as 'u'); columns are counted without it; 1 of 3 rows with missing numbers left out "
        "(first: row 2, b), and rows are counted without them"
    )
    found = open_table(path, columns="a")
    assert (found.columns, found.asked) == (1, {"columns": "1-1"})
    assert found.found == (
        f"read {path}, 3 rows of 1 numbers (a); 2 of 3 columns left out, and not counted"
    )
    np.save(tmp_path / "x.npy", X)
    assert open_table(tmp_path / "x.npy").found == f"read {tmp_path}/x.npy, 4 rows of 3 numbers"
    some = open_table(tmp_path / "x.npy", columns=[2, 0])
    assert np.array_equal(next(some.blocks(9)), X[:, [0, 2]])
    assert some.found.endswith("4 rows of 2 numbers; 1 of 3 columns left out, and not counted")
    every = open_table(tmp_path / "x.npy", columns="1-3")
    assert every.found.endswith("4 rows of 3 numbers")
    np.savez(tmp_path / "x.npz", y=X)
    assert (
        open_table(tmp_path / "x.npz").found == f"read y of {tmp_path}/x.npz, 4 rows of 3 numbers"
    )


def test_missing_numbers_beside_words_are_faults_unless_asked_for(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,w\n1,u\n,v\n3,w\n")
    cure = "fill it in, or remove the line, or take --missing drop or mean"
    assert refused(open_table, path) == f"{path}, line 3, column 1 is empty: {cure}"
    assert open_table(path, missing="drop").rows == 2
    chosen = open_table(path, columns="a")  # of which no line was read yet
    assert refused(lambda: list(chosen.blocks(9))) == f"{path}, line 3, column 1 is empty: {cure}"


def test_digests_are_of_all_that_is_asked(tmp_path):
    np.savez(tmp_path / "x.npz", y=X, z=X)
    (tmp_path / "a.npz").write_bytes((tmp_path / "x.npz").read_bytes())
    asked = [
        ("x.npz:y", {}), ("x.npz:z", {}), ("x.npz:y", {"columns": "1-2"}),
        ("x.npz:y", {"columns": "2-3"}), ("x.npz:y", {"missing": "drop"}),
        ("x.npz:y", {"missing": "mean"}), ("x.npz:y", {"columns": "1-2", "missing": "mean"}),
    ]  # fmt: skip
    digests = [open_table(f"{tmp_path}/{name}", **how).digest() for name, how in asked]
    assert len(set(digests)) == 7
    assert open_table(f"{tmp_path}/a.npz:y").digest() == digests[0]
    gone = open_table(f"{tmp_path}/a.npz:y")
    (tmp_path / "a.npz").unlink()
    assert refused(gone.digest) == f"cannot read {tmp_path}/a.npz: No such file or directory"


def test_tables_are_opened_again_by_whoever_unpickles_them(tmp_path):
    np.savez(tmp_path / "x.npz", y=X, z=2 * X)
    there = open_table(f"{tmp_path}/x.npz:z", columns="2-3", missing="drop")
    again = pickle.loads(pickle.dumps(there))
    assert again == there
    assert again.asked == {"columns": "2-3", "missing": "drop"}
    assert np.array_equal(next(again.blocks(9)), 2 * X[:, 1:])


def test_what_is_open_takes_no_options(tmp_path):
    np.save(tmp_path / "x.npy", X)
    there = open_table(tmp_path / "x.npy")
    assert as_table(there) is there
    for option in ({"columns": "1"}, {"missing": "drop"}):
        (name,) = option
        for each in (there, as_table(X)):
            assert refused(as_table, each, error=ParameterError, **option) == (
                f"{name}: is asked of a table that is open: give it to open_table"
            )
    assert as_table(str(tmp_path / "x.npy"), columns="2").columns == 1
    assert as_table(X, columns=[0], missing="drop").asked == {
        "columns": "1-1", "missing": "drop",
    }  # fmt: skip


def test_places_that_are_no_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(open_table, "") == "cannot read '': give the name of a file"
    assert refused(open_table, tmp_path) == f"cannot read '{tmp_path}': give the name of a file"
    endings = ".npy, .npz, .h5, .hdf5, .h5ad, .mat, .nc, .parquet, .csv, .txt, .tsv or .csv.gz"
    assert refused(open_table, "x.doc") == f"x.doc must end in {endings} to be read as a table"
    assert refused(open_table, "x.npz:a") == "there is no file x.npz"
    Path("x.csv").write_text("")
    assert refused(open_table, "x.csv") == "x.csv is empty"
    assert refused(open_table, "x.csv", missing="no", error=ParameterError).startswith("missing: ")
    Path("x.npz:a").write_text("1")
    assert refused(open_table, "x.npz:a").startswith("x.npz:a must end in .npy, ")
    assert [*module.TEXT] == [".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz"]
    assert module.FIRST == 1000


# ---- standard input


@pytest.fixture
def sent(monkeypatch, tmp_path):
    """Return a function that sends bytes to standard input, and what is there then."""
    monkeypatch.setattr(piped_module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(piped_module.atexit, "register", lambda *given: removed.append(given))
    removed = []

    def send(content, tty=False, closed=False):
        piped.cache_clear()
        buffer = io.BytesIO(content) if content is not None else None
        stream = SimpleNamespace(buffer=buffer, isatty=lambda: tty, closed=closed)
        monkeypatch.setattr(piped_module.sys, "stdin", stream)
        return removed

    yield send
    piped.cache_clear()


@pytest.mark.parametrize(
    ("start", "ending"),
    [
        (b"\x93NUMPY", ".npy"), (b"PK\3\4", ".npz"), (b"\x89HDF\r\n\x1a\n", ".h5"),
        (b"PAR1", ".parquet"), (b"\x1f\x8b", ".csv.gz"), (b"CDF", ".nc"),
        (b"MATLAB 5.0", ".mat"), (b"MATLAB 7.3", ".mat"), (b"1,2", ".csv"), (b"", ".csv"),
    ],
)  # fmt: skip
def test_files_are_known_by_their_first_bytes(sent, start, ending):
    content = start + b"x" * 600
    removed = sent(content)
    path = piped()
    assert path.name.startswith("vaedyn-")
    assert path.name.endswith(ending)
    assert path.read_bytes() == content
    assert piped() is path
    ((call, name, owner),) = removed
    assert name == str(path)
    call(name, owner + 1)  # another process leaves it
    assert path.exists()
    call(name, owner)
    assert not path.exists()
    call(name, owner)


def test_where_nothing_is_sent(sent):
    for options in ({"content": None}, {"content": b"1", "closed": True}):
        sent(**options)
        assert refused(piped) == "there is no standard input"
    sent(b"1", tty=True)
    assert refused(piped) == (
        "standard input is the terminal: send a table there, as in vaedyn ... - < FILE"
    )


def test_tables_from_standard_input_are_named_so(sent):
    sent(b"a,b\n1,2\n3,4\n5,6\n")
    found = open_table("-", columns="b")
    assert (found.place, found.rows, found.columns) == ("-", 3, 1)
    assert found.found.startswith("read standard input, 3 rows of 1 numbers (b)")
    again = pickle.loads(pickle.dumps(found))
    assert again.place == str(found.path)
    assert again.columns == 1
    sent(b"a,b\n1,2\n3,x\n")
    assert refused(open_table, "-").startswith("standard input, line 3, column 2 is not a number")
    sent(b"2019,2020,2021\n1,2,5\n3,4,7\n")
    assert open_table("-").note.startswith("line 1 of standard input, 2019, 2020, 2021, is taken")
