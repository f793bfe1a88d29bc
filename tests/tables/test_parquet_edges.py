"""Parquet files, Arrow's tables and AnnData: which columns are numbers, and what is refused."""

from decimal import Decimal

import h5py
import numpy as np
import pytest

from vaedyn.tables import parquet as module
from vaedyn.tables.anndata import open_h5ad
from vaedyn.tables.lines import TableError
from vaedyn.tables.parquet import content_of, from_arrow, open_parquet

arrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

MADE = {
    "w": ["a", "b", "c"], "i": arrow.array([1, None, 3], "int8"), "f": [0.5, 1.5, 2.5],
    "d": [Decimal("1.25"), None, Decimal("3.75")], "b": [True, False, True],
}  # fmt: skip


def refused(call, *given):
    with pytest.raises(TableError) as error:
        call(*given)
    return str(error.value)


def test_columns_of_numbers_are_read_in_blocks(tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write_table(arrow.table(MADE), path)
    found = open_parquet(path, "name")
    assert (found.name, found.rows, found.columns) == ("name", 3, 3)
    assert [tuple(label) for label in found.labels] == [
        (1, "w", "string"), (2, "i", ""), (3, "f", ""), (4, "d", ""), (5, "b", "bool"),
    ]  # fmt: skip
    blocks = [*found.read(2)]
    assert [len(block) for block in blocks] == [2, 1]
    wanted = [[1, 0.5, 1.25], [np.nan, 1.5, np.nan], [3, 2.5, 3.75]]
    np.testing.assert_array_equal(np.concatenate(blocks), wanted)
    some = next(found.only([found.labels[3]], True)(9))
    np.testing.assert_array_equal(some, [[1.25], [np.nan], [3.75]])
    labels, numbers = from_arrow(arrow.table(MADE))
    assert labels == list(found.labels)
    np.testing.assert_array_equal(numbers, wanted)
    assert from_arrow(arrow.table(MADE)[:0])[1].shape == (0, 3)


def test_a_part_of_a_file_must_fit(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "check_memory", lambda *given: asked.append(given))
    path = tmp_path / "x.parquet"
    parquet.write_table(arrow.table({"f": np.arange(100.0)}), path, row_group_size=60)
    open_parquet(path, "")
    with parquet.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(k).total_byte_size for k in range(2)]
    assert asked == [(f"a part of {path}", (max(sizes),), 1)]
    from_arrow(arrow.table(MADE))
    assert asked[1:] == [("this table", (3, 3))]


def test_what_is_no_table(tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write_table(arrow.table([arrow.array([1]), arrow.array([2])], ["a", "a"]), path)
    assert refused(open_parquet, path, "") == f"{path} has several columns of one name: rename them"
    parquet.write_table(arrow.table({"w": ["a"]}), path)
    assert refused(open_parquet, path, "") == f"{path} has no column of numbers: w holds string"
    parquet.write_table(arrow.table(MADE)[:0], path)
    assert refused(open_parquet, path, "") == f"{path} has 0 rows and 3 columns: nothing to read"
    assert refused(content_of, "", 3, [], None, None, "x") == (
        "x has 3 rows and 0 columns: nothing to read"
    )
    path.write_bytes(b"PAR1")
    assert refused(open_parquet, path, "").startswith(f"{path} is damaged, or not what its name")
    kind = arrow.struct([(f"field{k}", arrow.int8()) for k in range(9)])
    labels = module.labels_of(arrow.schema([("s", kind)]), "x")
    assert labels[0].why == str(kind)[:40]


X = np.arange(8.0).reshape(4, 2)


def cells(path, names=(b"g1", "g2"), where="_index", index="_index"):
    with h5py.File(path, "w") as file:
        file["X"], file["layers/raw"], file["obsm/pca"] = X, X + 1, X + 2
        if names is not None:
            group = file.create_group("var")
            group.attrs["_index"] = index
            group[where] = [each if isinstance(each, bytes) else each.encode() for each in names]
    return path


def test_genes_have_their_names(tmp_path):
    path = tmp_path / "x.h5ad"
    for where in ("_index", "gene"):
        found = open_h5ad(cells(path, where=where, index=where), "")
        assert (found.name, found.rows, found.columns) == ("/X", 4, 2)
        assert [tuple(label) for label in found.labels] == [(1, "g1", ""), (2, "g2", "")]
    assert [label.name for label in open_h5ad(path, "/layers/raw").labels] == ["g1", "g2"]
    assert open_h5ad(path, "/obsm/pca").labels == ()
    for names in (None, ("g1", "g2", "g3")):
        assert open_h5ad(cells(path, names), "").labels == ()
    assert open_h5ad(cells(path, index="none"), "").labels == ()
    for field in ("index", "_index"):
        cells(path, None)
        with h5py.File(path, "a") as file:
            file["var"] = np.array([(b"a", 1), (b"b\xff", 2)], [(field, "S4"), ("n", int)])
        assert [label.name for label in open_h5ad(path, "").labels] == ["a", "b\ufffd"]
