"""Files that users ask for: whole or not at all, and never in the place of something else."""

import errno
import os
import resource
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from vaedyn.errors import OutputError
from vaedyn.files import obstacle, whole
from vaedyn.store import ResultStore

FULL = Path("/dev/full")
FAST = "--dim 50 --t-max 20 --points 3"
SWEEP = f"sweep theory {FAST} --vary beta=1,2 --csv"


def write(path, content):
    with whole(path) as part:
        part.write_bytes(content)


def interrupted(path):
    with whole(path) as part:
        part.write_bytes(b"half")
        raise KeyboardInterrupt


@contextmanager
def full_disk(room=1000):
    """Let no file grow beyond `room` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_is_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "a.csv"
    write(path, b"first")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    with whole(path) as part:
        part.write_bytes(b"sec")
        assert path.read_bytes() == b"first"
        assert part.suffix == ".csv"
        part.write_bytes(b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "plain"]


def test_a_name_of_any_length_will_do(tmp_path):
    path = tmp_path / ("x" * 251 + ".csv")
    write(path, b"1")
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"good")
    with full_disk(), pytest.raises(OutputError, match=f"cannot write {path}: File too large"):
        write(path, bytes(2000))
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"good"]
    with pytest.raises(OutputError, match="No such file"):
        write(tmp_path / "none" / "a.pdf", b"")


def test_the_disk_has_it_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "rename", "replace"):
        real = getattr(os, name)

        def noted(*words, name=name, real=real):
            calls.append(name)
            return real(*words)

        monkeypatch.setattr(os, name, noted)
    write(tmp_path / "a.pdf", b"1")
    assert calls == ["fsync", "replace"]


def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "a.csv", tmp_path / "folder" / "b.csv"
    link.symlink_to(target)
    for content in (b"new", b"again"):
        write(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert list((tmp_path / "folder").iterdir()) == [target]


def test_links_in_a_circle_are_refused(tmp_path):
    for one, other in ("ab", "ba"):
        (tmp_path / one).symlink_to(tmp_path / other)
    assert "cannot write" in obstacle(tmp_path / "a")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "a", b"")


def test_a_pipe_receives_what_is_written(tmp_path):
    pipe, heard = tmp_path / "pipe.csv", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"12345" * 20000)
    reader.join()
    assert heard == [b"12345" * 20000]
    assert [stat.S_ISFIFO(each.stat().st_mode) for each in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize("name", ["/dev/full", "link.csv"])
def test_a_device_receives_it_too(tmp_path, name):
    link = tmp_path / "link.csv"
    link.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        write(tmp_path / name, b"1")
    assert stat.S_ISCHR(FULL.stat().st_mode)
    assert link.is_symlink()
    write("/dev/null", b"1")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_the_file_that_stdout_goes_to_keeps_its_place(tmp_path, capfd):
    """What is printed before and afterwards is there, too."""
    kept = os.dup(1)
    with open(tmp_path / "out.txt", "wb") as file:
        os.dup2(file.fileno(), 1)
        try:
            os.write(1, b"before\n")
            write("/dev/stdout", b"inside\n")
            write(tmp_path / "out.txt", b"by name\n")
            os.write(1, b"after\n")
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert (tmp_path / "out.txt").read_bytes() == b"before\ninside\nby name\nafter\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_stands_in_the_way_is_known_before(tmp_path, monkeypatch):
    (tmp_path / "a.csv").touch()
    assert obstacle(tmp_path / "a.csv") == obstacle(tmp_path / "new.csv") == ""
    assert "no folder" in obstacle(tmp_path / "none" / "a.csv")
    assert "is a folder" in obstacle(tmp_path)
    assert "File name too long" in obstacle(tmp_path / ("x" * 300))
    assert "no folder" in obstacle(tmp_path / "a.csv" / "b.csv")
    allowed = os.access
    for denied in (tmp_path, tmp_path / "a.csv"):
        monkeypatch.setattr(
            os, "access", lambda path, mode, denied=denied: path != denied and allowed(path, mode)
        )
        assert "no permission" in obstacle(tmp_path / "a.csv")
        monkeypatch.undo()


def test_a_file_that_is_not_to_be_written_is_not(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"good")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="Permission denied"):
        write(path, b"bad")
    assert path.read_bytes() == b"good"


# --- commands --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_figures_survive_a_full_disk(run, tmp_path, ending):
    (tmp_path / f"a.{ending}").write_bytes(b"good")
    for name in ("a", "b"):
        with full_disk():
            done = run(f"plot schedule -o {name}.{ending}")
        error = f"error: cannot write {name}.{ending}: {os.strerror(errno.EFBIG)}\n"
        assert (done.code, done.out, done.err) == (1, "", error)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"good"]


def test_tables_and_exports_survive_a_full_disk(run, tmp_path):
    assert run(f"{SWEEP} a.csv").code == 0
    good = (tmp_path / "a.csv").read_bytes()
    key = next(ResultStore(tmp_path / "vaedyn-store").records()).key
    names = ["a.csv", "b.csv", "c.csv", "c.nc", "c.npz"]
    with full_disk(100):
        done = [run(f"{SWEEP} {name}") for name in names[:2]]
        done += [run(f"store export {key} -o {name}") for name in names[2:]]
    for name, each in zip(names, done, strict=True):
        assert each.code == 1
        assert f"error: cannot write {name}: " in each.err
        assert "Traceback" not in each.err
    assert (tmp_path / "a.csv").read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "vaedyn-store"]


@pytest.mark.parametrize("name", ["/dev/full", "full.csv"])
def test_a_table_for_a_full_device_fails_and_leaves_the_device(run, tmp_path, name):
    (tmp_path / "full.csv").symlink_to("/dev/full")
    done = run(f"{SWEEP} {name}")
    assert done.code == 1
    assert f"error: cannot write {name}: No space left on device\n" in done.err
    key = next(ResultStore(tmp_path / "vaedyn-store").records()).key
    assert run(f"store export {key} -o full.csv").code == 1
    assert stat.S_ISCHR(FULL.stat().st_mode)


def test_a_stored_result_is_not_overwritten(run, tmp_path):
    run(f"theory {FAST}")
    path = next(iter((tmp_path / "vaedyn-store").glob("theory-*")))
    before = path.read_bytes()
    (tmp_path / "link.csv").symlink_to(path)
    for name in (path.relative_to(tmp_path), path, "link.csv"):
        done = run(f"{SWEEP} {name}")
        assert (done.code, done.out) == (2, "")
        assert "--csv: '" in done.err
        assert "is the name of a stored result" in done.err
    assert path.read_bytes() == before


IMPOSSIBLE = {
    "plot schedule -o none/a.pdf": "--output: no folder 'none'",
    f"{SWEEP} none/a.csv": "--csv: no folder 'none'",
    f"plot schedule -o {'x' * 300}.pdf": "--output: cannot write",
    f"{SWEEP} {'x' * 300}": "--csv: cannot write",
    "plot schedule -o folder.pdf": "'folder.pdf' is a directory",
    f"{SWEEP} folder.pdf": "'folder.pdf' is a directory",
    "reproduce -o report": "--output: 'report/report.html' is a folder",
}


@pytest.mark.parametrize(("words", "message"), IMPOSSIBLE.items())
def test_an_impossible_name_is_refused_before_anything_is_computed(run, tmp_path, words, message):
    (tmp_path / "folder.pdf").mkdir()
    (tmp_path / "report" / "report.html").mkdir(parents=True)
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "vaedyn-store").exists()


def test_a_name_made_of_the_model_is_one_that_files_can_have(run, tmp_path):
    knots = ",".join(f"{t}={t / 100}" for t in range(0, 101, 2))
    assert run(f"plot schedule --anneal points:{knots}").code == 0
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "beta.csv").write_text("0,0\n50,1\n")
    assert run("plot schedule --anneal file:folder/beta.csv").code == 0
    names = sorted(path.name for path in tmp_path.glob("*.pdf"))
    assert len(names) == 2
    assert max(map(len, names)) < 255
