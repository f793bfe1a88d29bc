"""Finding, verifying, pruning and exporting records; the open format."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import vaedyn
from tests.shared.damage import of_schema
from vaedyn.learning import simulate as sgd
from vaedyn.model.numerics import NUMERICS
from vaedyn.store import ResultStore, StoreError, hdf5, upkeep
from vaedyn.store.catalogue import parse_filter, property_of, select
from vaedyn.store.export import export

DATA = Path(__file__).parents[1] / "files"


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "store")


@pytest.fixture
def simulated(store):
    """A small simulation of two runs, in the store."""
    params = vaedyn.Params(dim=30, latent=2, signal=1, lr=0.1, t_max=6, points=4)
    result = vaedyn.simulate(params, runs=2, store=store)
    return result, store.find(result.source.key)


def toy(store, kind="toy", **params):
    return store.load_or_run(kind, params, lambda: ({"x": ((), 1.0, {})}, {}))


# --- finding ----------------------------------------------------------------------------


def test_filters_select_by_parameters_and_properties(store):
    for beta in (0.5, 1.5, 10.0):
        toy(store, beta=beta, name="a", rho=[1])
    toy(store, kind="other", beta=1.5, name="b", rho=[2, 1])

    def betas(*texts, sort="beta"):
        chosen = select(store.records(), map(parse_filter, texts), sort.split(","))
        return [(record.kind, record.params["beta"]) for record in chosen]

    assert betas("beta=1.5", sort="kind") == [("other", 1.5), ("toy", 1.5)]
    assert betas("beta=1.50", "kind=toy") == [("toy", 1.5)]
    assert betas("beta>=1.5", "kind=toy") == [("toy", 1.5), ("toy", 10)]
    assert betas("beta<1.5") == [("toy", 0.5)]
    assert betas("beta!=1.5") == [("toy", 0.5), ("toy", 10)]
    assert betas("name=b") == betas("rho=2,1") == betas("kind=other") == [("other", 1.5)]
    assert len(betas("rho=1")) == 3
    assert betas("gamma=1") == []
    assert betas("name<3") == []
    assert len(betas("bytes>100", "seconds<60")) == 4
    assert [b for _, b in betas("kind=toy", sort="-beta")] == [10, 1.5, 0.5]
    assert betas(sort="kind,-beta")[:2] == [("other", 1.5), ("toy", 10)]
    assert betas(sort="missing,beta")[0][1] == 0.5


def test_option_names_are_filters_too(store):
    toy(store, t_max=5)
    (record,) = store.records()
    assert parse_filter("t-max=5")(record)
    assert property_of(record, "length") is None


@pytest.mark.parametrize("text", ["beta", "=1", "beta=", "beta==1 2 =", "1.5"])
def test_other_forms_of_filters_are_refused(text):
    if text == "beta==1 2 =":
        assert parse_filter(text).value == "=1 2 ="
    else:
        with pytest.raises(ValueError, match="expected NAME=VALUE"):
            parse_filter(text)


def test_listing_reads_labels_alone(store, monkeypatch):
    toy(store, a=1)
    monkeypatch.setattr(hdf5, "read", None)
    monkeypatch.setattr(hdf5, "places_of", None)
    assert [record.params for record in store.records()] == [{"a": 1}]


def test_damaged_and_foreign_records_do_not_stop_a_listing(store, caplog):
    good, bad = (toy(store, n=n).path for n in range(2))
    of_schema(good, 0)
    bad.write_bytes(b"\x00" * 2000)
    assert [record.path for record in store.records()] == [good]
    assert f"{bad} is damaged: it has no label" in caplog.text
    assert "ignored records of other versions' schemas: 1" in caplog.text


# --- upkeep -----------------------------------------------------------------------------


def test_verify_names_every_damage(store):
    paths = [toy(store, n=n).path for n in range(4)]
    content = bytearray(paths[1].read_bytes())
    content[-20] ^= 1
    at = content.find(np.float64(1.0).tobytes())
    content[at] ^= 1
    paths[1].write_bytes(content)
    paths[2].write_bytes(paths[2].read_bytes()[:1500])
    findings = {finding.path: finding.problem for finding in upkeep.verify(store)}
    assert set(findings) == set(paths)
    assert [bool(findings[path]) for path in paths] == [False, True, True, False]
    assert str(paths[1]) in findings[paths[1]]


def test_prune_finds_what_nobody_needs(store):
    record = toy(store, n=1)
    old = toy(store, n=2).path
    os.utime(old, (time.time() - 10 * 86400,) * 2)
    values = {"x": (("i",), np.zeros(12), {})}
    shorter, longer = (store.write("grown", {}, (values, {}), 1.0, n).path for n in (3, 12))
    aside = store.path / f"{old.name}.damaged-1234"
    aside.touch()
    foreign = of_schema(record.path, 9)
    assert upkeep.unwanted(store) == [shorter]
    assert upkeep.unwanted(store, older_than=86400) == sorted([shorter, old])
    assert upkeep.unwanted(store, damaged=True) == sorted([shorter, aside])
    assert upkeep.unwanted(store, other_schemas=True) == sorted([shorter, foreign])
    longer.write_bytes(longer.read_bytes()[:-1])  # damaged: the shorter one is the best there is
    assert upkeep.unwanted(store) == []
    assert upkeep.remove([shorter, aside]) == []
    assert upkeep.remove([shorter]) == []
    assert not shorter.exists()
    assert record.path.exists()


# --- the open format --------------------------------------------------------------------


def check_dataset(data, result):
    assert dict(data.sizes) == {"run": 2, "time": 4, "latent": 2, "signal": 1, "latent_": 2}
    assert data.m.dims == ("run", "time", "latent", "signal")
    assert data.Q.dims == ("run", "time", "latent", "latent_")
    np.testing.assert_array_equal(data.time, result.t)
    np.testing.assert_array_equal(data.run, [0, 1])
    for name in ("m", "d", "Q", "E", "R", "D", "eps_g", "kl_per_latent", "distortion"):
        np.testing.assert_array_equal(data[name], getattr(result, name))
        assert data[name].attrs["long_name"]
        assert data[name].attrs["units"] in ("1", "nat")
    assert json.loads(data.attrs["params"])["latent"] == 2
    chosen = data.sel(time=2.0, run=1)
    assert float(chosen.eps_g) == result.eps_g[1, 1]


def test_xarray_opens_a_record_as_it_is(simulated):
    result, record = simulated
    with xarray.open_dataset(record.path, engine="h5netcdf") as data:
        check_dataset(data, result)


def test_netcdf_is_the_same_dataset(simulated, tmp_path):
    result, record = simulated
    export(record, tmp_path / "run.nc")
    assert (tmp_path / "run.nc").read_bytes().startswith(b"\x89HDF")
    with xarray.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as data:
        check_dataset(data, result)


def test_csv_has_a_number_a_line_with_its_coordinates(simulated, tmp_path):
    result, record = simulated
    export(record, tmp_path / "run.csv")
    with open(tmp_path / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    q = [row for row in rows if row["variable"] == "Q"]
    assert len(q) == result.Q.size
    for row in q[::7]:
        place = int(row["run"]), float(row["time"]), int(row["latent"]), int(row["latent_"])
        at = (place[0], int(np.flatnonzero(result.t == place[1])[0]), *place[2:])
        assert float(row["value"]) == result.Q[at]
        assert row["signal"] == ""
    assert sum(row["variable"] == "eps_g" for row in rows) == result.eps_g.size
    named = {row["variable"] for row in rows}
    assert named == set(record.variables) - {"time"}  # which stands in its column


def test_npz_holds_arrays_and_parameters(simulated, tmp_path):
    result, record = simulated
    export(record, tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as data:
        np.testing.assert_array_equal(data["m"], result.m)
        np.testing.assert_array_equal(data["time"], result.t)
        assert json.loads(str(data["params"]))["dim"] == 30


def test_exports_that_fail_leave_nothing(simulated, tmp_path):
    _, record = simulated
    with pytest.raises(ValueError, match=r"expected a name ending in \.nc, \.csv, \.npz"):
        export(record, tmp_path / "run.txt")
    with pytest.raises(StoreError, match="cannot write"):
        export(record, tmp_path / "none" / "run.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        export(record, tmp_path / "dir.csv")
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_record_can_be_read_without_this_package(simulated):
    """The three lines that the documentation promises, and the label in front."""
    result, record = simulated
    with h5py.File(record.path) as file:
        t, m = file["time"][:], file["m"][:]
        params = json.loads(file.attrs["params"])
    np.testing.assert_array_equal(t, result.t)
    np.testing.assert_array_equal(m, result.m)
    assert params["seed"] == 0
    first = json.loads(record.path.read_bytes().partition(b"\n")[0])
    assert first["params"] == params


def test_a_file_of_the_first_schema_is_read_for_ever(tmp_path, monkeypatch):
    """The stored file was written by the first version; its numbers are pinned.

    The numerics of simulations were 1 then, when all experiments shared their streams.
    """
    monkeypatch.setitem(NUMERICS, "simulate", 1)
    monkeypatch.setattr(sgd, "experiment", lambda *_: ())
    (source,) = DATA.glob("simulate-*.h5")
    store = ResultStore(tmp_path)
    shutil.copy(source, tmp_path)
    params = vaedyn.Params(dim=20, t_max=2, points=3)
    result = vaedyn.simulate(params, runs=2, store=store)
    assert result.source.reused
    np.testing.assert_array_equal(result.t, [0, 1, 2])
    np.testing.assert_allclose(
        result.eps_g,
        [
            [1.203397127561584, 1.1968079404414786, 1.2045244475792205],
            [1.203397127561584, 1.2009601091815707, 1.2009126261876315],
        ],
        rtol=1e-12,
    )
    fresh = vaedyn.simulate(params, runs=2)
    np.testing.assert_allclose(fresh.eps_g, result.eps_g, rtol=1e-9)


def test_the_store_works_without_the_rest(tmp_path):
    """Lifted out, under another name, it serves another simulator."""
    shutil.copytree(Path(hdf5.__file__).parent, tmp_path / "keeper")
    code = """
import sys
import numpy as np
from keeper import ResultStore
from keeper.export import export
from keeper.upkeep import verify
calls = []
def roll():
    calls.append(1)
    return {"dice": (("throw",), np.arange(6), {"units": "1"})}, {"fair": True}
store = ResultStore("results")
for _ in range(3):
    record = store.load_or_run("casino", {"sides": 6}, roll)
assert len(calls) == 1 and record.reused and record.dice.sum() == 15
assert [finding.problem for finding in verify(store)] == [""]
export(record, record.path.with_suffix(".csv"))
assert not any(name.startswith("vaedyn") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_a_record_that_is_replaced_while_it_is_looked_for_is_found(store, monkeypatch):
    toy(store, n=1)
    record = next(store.records())
    real, turns = hdf5.read, []

    def late(path):
        turns.append(path)
        if len(turns) == 1:
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr("vaedyn.store.results.read", late)
    assert store.find(record.key).params == {"n": 1}
    record.path.unlink()
    assert record.bytes == 0
