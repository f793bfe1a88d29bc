"""Tables in files: the same numbers from every format and block size, and clear refusals."""

import re
import zipfile

import h5py
import numpy as np
import pytest

from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.tables.table import TableError, open_table

NUMBERS = np.random.default_rng(0).normal(size=(23, 4)) * 10.0 ** np.arange(-3, 5, 2)


def write_hdf5(path, array, name="data"):
    with h5py.File(path, "a") as file:
        file[name] = array


def write_text(path, separator, header=""):
    np.savetxt(path, NUMBERS, delimiter=separator, fmt="%.17g", header=header, comments="")


WRITERS = {
    "c.npy": lambda path: np.save(path, NUMBERS),
    "columns.npy": lambda path: np.save(path, np.asfortranarray(NUMBERS)),
    "one.npz": lambda path: np.savez(path, x=NUMBERS),
    "packed.npz": lambda path: np.savez_compressed(path, x=np.asfortranarray(NUMBERS)),
    "one.h5": lambda path: write_hdf5(path, NUMBERS, "deep/down/data"),
    "one.hdf5": lambda path: write_hdf5(path, NUMBERS),
    "commas.csv": lambda path: write_text(path, ","),
    "names.csv": lambda path: write_text(path, ", ", "a,b,c,d"),
    "semicolons.csv": lambda path: write_text(path, ";", '"a, b";"c";d;e'),
    "spaces.txt": lambda path: write_text(path, "  "),
    "tabs.TXT": lambda path: write_text(path, "\t", "\n# a comment\nx y z t\n"),
}


def whole(table, most_rows=10**6):
    return np.concatenate(list(table.blocks(most_rows)))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_numbers(tmp_path, name):
    WRITERS[name](tmp_path / name)
    table = open_table(tmp_path / name)
    assert (table.rows, table.columns) == NUMBERS.shape
    for most_rows in (1, 7, 23, 1000):
        blocks = list(table.blocks(most_rows))
        assert max(len(block) for block in blocks) == min(most_rows, 23)
        assert all(type(block) is np.ndarray and block.dtype == float for block in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), NUMBERS)
    spectrum = covariance_spectrum(lambda: open_table(str(tmp_path / name)).blocks(5))
    np.testing.assert_allclose(spectrum.total, np.trace(np.cov(NUMBERS.T)), rtol=1e-12)


@pytest.mark.parametrize("kind", ["u1", "i8", "f2", "f4", ">f8"])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.h5"])
def test_other_types_become_floats(tmp_path, name, kind):
    array = (np.arange(12).reshape(6, 2) % 5).astype(kind)
    writer = {"x.npy": np.save, "x.npz": np.savez, "x.h5": write_hdf5}[name]
    writer(tmp_path / name, array)
    table = open_table(tmp_path / name)
    np.testing.assert_array_equal(whole(table, 4), array.astype(float))
    assert next(table.blocks(1)).dtype == np.float64


def test_one_of_several_is_chosen_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", a=NUMBERS, b=2 * NUMBERS)
    assert np.array_equal(whole(open_table(f"{tmp_path}/x.npz:b")), 2 * NUMBERS)
    write_hdf5(tmp_path / "x.h5", NUMBERS, "run/a")
    write_hdf5(tmp_path / "x.h5", np.arange(3), "times")
    assert open_table(tmp_path / "x.h5").name == "/run/a"  # the only one of two axes
    write_hdf5(tmp_path / "x.h5", 2 * NUMBERS, "run/b")
    for name in ("/run/b", "run/b"):
        table = open_table(f"{tmp_path}/x.h5:{name}")
        assert table.name == "/run/b"
        assert np.array_equal(whole(table), 2 * NUMBERS)


def test_a_place_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_hdf5(tmp_path / "x.h5", NUMBERS)
    assert open_table("x.h5:") == open_table("x.h5")
    for place in ("", "."):
        with pytest.raises(TableError, match=f"cannot read '{place}': give the name of a file"):
            open_table(place)


def test_a_file_may_have_a_colon_in_its_name(tmp_path):
    np.savez(tmp_path / "x.h5:y.npz", a=NUMBERS)
    assert np.array_equal(whole(open_table(tmp_path / "x.h5:y.npz")), NUMBERS)


def test_digest_tells_contents_apart(tmp_path):
    np.savez(tmp_path / "x.npz", a=NUMBERS, b=2 * NUMBERS)
    a, b = (open_table(f"{tmp_path}/x.npz:{name}").digest() for name in "ab")
    assert a != b
    write_hdf5(tmp_path / "x.h5", NUMBERS)
    assert open_table(tmp_path / "x.h5").digest() == open_table(f"{tmp_path}/x.h5:data").digest()
    write_text(tmp_path / "x.csv", ",")
    before = open_table(tmp_path / "x.csv").digest()
    assert re.fullmatch("[0-9a-f]{64}", before)
    (tmp_path / "y.csv").write_bytes((tmp_path / "x.csv").read_bytes())
    assert open_table(tmp_path / "y.csv").digest() == before  # wherever it is
    (tmp_path / "y.csv").write_text((tmp_path / "x.csv").read_text().replace("1", "2", 1))
    assert open_table(tmp_path / "y.csv").digest() != before


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("1\n2\n3\n", 3, 1),
        ("value\n1\n2", 2, 1),
        ("1,2,3", 1, 3),
        (",0,1\n0,5,6\n1,7,8\n", 2, 2),  # pandas, with row numbers
        ("label,0,1\n3,5,6\n", 1, 3),
        ("\ufeff1;2\r\n\r\n3;4\r\n", 2, 2),
        ('"1.5","2"\n"3","4"\n', 2, 2),
        ("nan 1\n-inf 2\n", 2, 2),
    ],
)
def test_ways_of_writing_text(tmp_path, text, rows, columns):
    (tmp_path / "x.csv").write_text(text, newline="")
    table = open_table(tmp_path / "x.csv")
    assert (table.rows, table.columns) == whole(table).shape == (rows, columns)


@pytest.mark.parametrize(
    "text",
    [
        ",0,1\n0,5,6\n1,7,8\n",  # pandas
        ",a,b\n7,5,6\nx y,7,8\n",
        '"","a","b"\n"Mazda, RX4",5,6\n"2",7,8\n',  # R: write.csv
        '"a" "b"\n"Mazda RX4" 5 6\n"2" 7 8\n',  # R: write.table
        "a\tb\n1\t5\t6\n2\t7\t8\n",
        "a;b\n1;5;6\n2;7;8\n",
    ],
)
def test_names_of_rows_are_left_out(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    table = open_table(tmp_path / "x.csv")
    np.testing.assert_array_equal(whole(table, 1), [[5, 6], [7, 8]])
    assert "column 1 of" in table.note
    assert "has no name: it is taken for names of rows, and left out" in table.note


def test_faults_are_named_as_they_stand_beside_names_of_rows(tmp_path):
    (tmp_path / "x.csv").write_text(",a,b\nr,5,6\ns,7,x\n")
    with pytest.raises(TableError, match="line 3, column 3 is not a number: 'x'"):
        whole(open_table(tmp_path / "x.csv"), 5)
    (tmp_path / "x.csv").write_text(",a,b\nr,5,6\ns,7,8\nt,9\n")
    with pytest.raises(TableError, match="line 4 has 2 columns, those before it have 3"):
        whole(open_table(tmp_path / "x.csv"), 5)


def test_years_above_columns_are_names_and_it_is_said(tmp_path):
    (tmp_path / "x.csv").write_text("2019,2020,2021\n1,2,5\n3,4,7\n")
    table = open_table(tmp_path / "x.csv")
    assert table.rows == 2
    assert "line 1 of" in table.note
    assert "2019, 2020, 2021, is taken for names: if it is a sample, put a line of" in table.note
    (tmp_path / "x.csv").write_text("a,b,c\n2019,2020,2021\n1,2,5\n3,4,7\n")
    assert open_table(tmp_path / "x.csv").rows == 3
    for text in ("#2019,2020,2021\n1,2,5\n3,4,7\n", "1,2\n3,4\n", "a,b,c\n1,2,3\n", "1,2,4\n"):
        (tmp_path / "x.csv").write_text(text)
        assert open_table(tmp_path / "x.csv").note == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,x\n", "line 3, column 2 is not a number: 'x'"),
        ("1,2\n\n# note\n3,4\n5,1_0\n", "line 5, column 2 is not a number: '1_0'"),
        ("1,x,3\n4,5,6\n", "line 1, column 2 is not a number: 'x'"),
        ("1,2,3\n4,,6\n", "line 2, column 2 is empty: fill it in"),
        (",2,3\n4,5,6\n", "line 1, column 1 is empty"),
        ("1,2,3\n4,5\n", r"line 2 has 2 columns, those before it have 3 \(between commas\)"),
        ("1 2\n3 4\n5 6 7\n", r"line 3 has 3 columns, those before it have 2 \(between spaces\)"),
        ("1,5;2,5\n3,5;4,5\n", "line 1, column 1 is not a number: '1,5', write decimal points"),
        ("a,b\n", "has a line of names only: 'a,b'"),
        ("\n# nothing\n", "holds no numbers"),
        ("", "is empty"),
    ],
)
def test_text_that_is_no_table_is_refused_where_it_is_wrong(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        whole(open_table(tmp_path / "x.csv"), 1)
    assert "\n" not in str(caught.value)


def test_a_fault_far_down_is_found(tmp_path):
    lines = ["1,2"] * 5000 + ["1,2,3"] + ["1,2"] * 10
    (tmp_path / "x.csv").write_text("\n".join(lines))
    with pytest.raises(TableError, match="line 5001 has 3 columns"):
        whole(open_table(tmp_path / "x.csv"), 700)


def arrays(path, array):
    """Save in the format of the path."""
    {".npy": np.save, ".npz": np.savez, ".h5": write_hdf5}[path.suffix](path, array)
    return path


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.h5"])
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5), r"shape \(5,\), a table has two axes"),
        (np.zeros((5, 2, 2, 1, 1)), r"shape \(5, 2, 2, 1, 1\), .*: reshape it"),
        (np.float64(1), r"shape \(\)"),
        (np.zeros((0, 3)), "0 rows and 3 columns: nothing to read"),
        (np.zeros((3, 0)), "3 rows and 0 columns: nothing to read"),
        (np.zeros((3, 2), complex), "complex numbers: save real and imaginary parts as columns"),
        (np.zeros((3, 2), bool), "booleans, not numbers: save it as an array of floats"),
        (np.zeros((3, 2), "S3"), "not numbers"),
        (np.zeros(3, [("a", float)]), "not numbers"),
    ],
)
def test_arrays_that_are_no_tables(tmp_path, name, array, message):
    arrays(tmp_path / name, array)
    with pytest.raises(TableError, match=message):
        open_table(tmp_path / name)


def test_objects_are_refused_unread(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1, "a"]], object))
    with pytest.raises(TableError, match="holds object, not numbers"):
        open_table(tmp_path / "x.npy")


def test_choices_are_listed(tmp_path):
    np.savez(tmp_path / "x.npz", a=NUMBERS, b=NUMBERS)
    with pytest.raises(
        TableError, match=r"several of them, a \(23, 4\), b \(23, 4\): choose one as .*:a"
    ):
        open_table(tmp_path / "x.npz")
    with pytest.raises(TableError, match=r"has no array c; it has a \(23, 4\), b \(23, 4\)"):
        open_table(f"{tmp_path}/x.npz:c")
    for name in "pq":
        write_hdf5(tmp_path / "x.h5", NUMBERS, f"group/{name}")
    both = r"/group/p \(23, 4\), /group/q \(23, 4\)"
    with pytest.raises(TableError, match=f"several of them, {both}: choose one as .*x.h5:/group/p"):
        open_table(tmp_path / "x.h5")
    for wrong in ("/group", "nothing"):
        with pytest.raises(TableError, match=f"has no dataset {wrong}; it has {both}"):
            open_table(f"{tmp_path}/x.h5:{wrong}")
    h5py.File(tmp_path / "none.h5", "w").close()
    with pytest.raises(TableError, match="holds no dataset"):
        open_table(tmp_path / "none.h5")


def test_numbers_in_other_files_are_refused(tmp_path):
    """The fingerprint is that of one file: it would not tell when another changes."""
    write_hdf5(tmp_path / "other.h5", NUMBERS)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        layout = h5py.VirtualLayout(NUMBERS.shape, float)
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "data", NUMBERS.shape)
        file.create_virtual_dataset("virtual", layout)
        file["link"] = h5py.ExternalLink("other.h5", "/data")
        raw = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("raw", NUMBERS.shape, float, external=raw)[:] = NUMBERS
        file["own"], file["soft"] = NUMBERS, h5py.SoftLink("/own")
    for name in ("virtual", "link", "raw"):
        with pytest.raises(TableError, match=f"the numbers of {name} are in other files"):
            open_table(f"{tmp_path}/x.h5:{name}")
    np.testing.assert_array_equal(whole(open_table(f"{tmp_path}/x.h5:soft")), NUMBERS)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.npz:a", "x.h5:/a/b", "x.csv"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(TableError, match=rf"there is no file .*{name.partition(':')[0]}$"):
        open_table(f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", ["x.doc", "x", "x.gz", "x.npy.gz", "x.csv.zip"])
def test_an_unknown_ending(tmp_path, name):
    (tmp_path / name).write_text("1,2")
    with pytest.raises(
        TableError, match=r"must end in \.npy, \.npz, \.h5, .*, \.csv, \.txt, \.tsv or "
    ):
        open_table(tmp_path / name)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.h5"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.6])
def test_damaged_files(tmp_path, name, share):
    content = arrays(tmp_path / name, np.zeros((300, 7))).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(TableError, match="damaged" if share else "is empty") as caught:
        whole(open_table(tmp_path / name))
    assert "\n" not in str(caught.value)
    (tmp_path / name).write_text("this is text, not an array")
    with pytest.raises(TableError, match="is damaged, or not what its name says"):
        open_table(tmp_path / name)


def test_a_flipped_byte_in_an_archive_is_noticed(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", NUMBERS)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        middle = archive.infolist()[0].compress_size // 2
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[middle] ^= 255
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(TableError, match="damaged"):
        whole(open_table(tmp_path / "x.npz"))


def test_a_folder_and_wrong_block_sizes(tmp_path):
    (tmp_path / "x.npy").mkdir()
    with pytest.raises(TableError, match="cannot read .*: give the name of a file"):
        open_table(tmp_path / "x.npy")
    np.save(tmp_path / "y.npy", NUMBERS)
    with pytest.raises(ValueError, match="most_rows must be at least 1, got 0"):
        next(open_table(tmp_path / "y.npy").blocks(0))


def test_a_file_that_changes_is_noticed(tmp_path):
    write_text(tmp_path / "x.csv", ",")
    table = open_table(tmp_path / "x.csv")
    with open(tmp_path / "x.csv", "a") as file:
        file.write("1,2,3,4\n")
    with pytest.raises(TableError, match="had 23 rows and now has 24"):
        whole(table)
    (tmp_path / "x.csv").write_text("1,2,3,4\n" * 7)
    with pytest.raises(TableError, match="had 23 rows and now has 7"):
        whole(table)
    (tmp_path / "x.csv").unlink()
    for attempt in (lambda: whole(table), table.digest):
        with pytest.raises(TableError, match="cannot read .*: No such file"):
            attempt()


def test_a_table_larger_than_the_memory_given_to_it(tmp_path):
    """Blocks of text and packed arrays are read as they come: little is held at once."""
    import tracemalloc

    array = np.random.default_rng(1).normal(size=(40_000, 10))
    np.savetxt(tmp_path / "x.csv", array, delimiter=",")
    np.savez_compressed(tmp_path / "x.npz", array)
    for name in ("x.csv", "x.npz"):
        table = open_table(tmp_path / name)
        tracemalloc.start()
        rows = sum(len(block) for block in table.blocks(100))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == 40_000
        assert peak < array.nbytes / 4, name
