"""Small text files that users name, and what stands in the way of writing others."""

import os
from types import SimpleNamespace

import pytest

from vaedyn import files
from vaedyn.errors import OutputError, ParameterError
from vaedyn.files import obstacle, small_text, whole


def test_a_text_is_what_its_bytes_say_without_a_mark(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"", b"0,0\r\n5,1\n", "β".encode(), b"\xef\xbb\xbf" + "β\n".encode()):
        path.write_bytes(content)
        expected = content.removeprefix(b"\xef\xbb\xbf").decode()
        assert small_text(path) == small_text(str(path)) == expected


def test_bytes_that_are_no_text_are_named_with_their_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0,0\n\xff")
    with pytest.raises(ValueError, match=r"^it is no UTF-8 text: invalid start byte at byte 4$"):
        small_text(path)


@pytest.mark.parametrize("grown", [False, True])
def test_a_text_has_at_most_16_mb_though_it_grows_meanwhile(tmp_path, monkeypatch, grown):
    path = tmp_path / "a.txt"
    path.write_bytes(b"1")
    os.truncate(path, 16 << 20)
    assert len(small_text(path)) == 16 << 20
    os.truncate(path, (16 << 20) + 1)
    if grown:
        mode = path.stat().st_mode
        early = SimpleNamespace(st_size=5, st_mode=mode)
        monkeypatch.setattr(files, "os", SimpleNamespace(**{**vars(os), "fstat": lambda _: early}))
    with pytest.raises(ValueError, match=r"^it is larger than 16 MB$"):
        small_text(path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match=r"^it is no regular file$"):
            small_text(place)
    with pytest.raises(FileNotFoundError):
        small_text(tmp_path / "none")


def test_files_that_are_read_are_closed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff")
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for _ in range(4):
        with pytest.raises(ValueError, match="UTF-8"):
            small_text(path)
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


# --- files that are written -------------------------------------------------------------


def test_errors_of_what_is_written_are_not_blamed_on_the_file(tmp_path):
    for error in (ParameterError("beta", "odd"), ZeroDivisionError("odd")):
        with pytest.raises(type(error), match="odd"), whole(tmp_path / "a.csv"):
            raise error
    for error in (RuntimeError("why"), OSError("why")):
        message = rf"^cannot write {tmp_path / 'a.csv'}: why$"
        with pytest.raises(OutputError, match=message), whole(tmp_path / "a.csv"):
            raise error
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_hidden_beside_its_place_and_keeps_the_ending(tmp_path):
    names = set()
    for ending in (".csv", ".averylongending"):
        for _ in range(2):
            with whole(str(tmp_path / f"a{ending}")) as part:
                part.write_bytes(b"1")
                assert part.parent == tmp_path
                assert part.name.startswith(".")
                assert part.suffix == ending[:8]
                names.add(part.name)
    assert len(names) == 4
    with whole("/dev/null") as part:
        assert part.suffix == ""
        part.write_bytes(b"1")
    assert not part.parent.exists()


def test_a_part_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="No such file"), whole(tmp_path / "a.csv"):
        pass  # nothing was written to it
    assert list(tmp_path.iterdir()) == []


def test_stderr_keeps_its_file_as_stdout_does(tmp_path, capfd):
    kept = os.dup(2)
    with open(tmp_path / "err.txt", "wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            os.write(2, b"before\n")
            with whole(tmp_path / "err.txt") as part:
                part.write_bytes(b"inside\n")
            os.write(2, b"after\n")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    assert (tmp_path / "err.txt").read_bytes() == b"before\ninside\nafter\n"


def test_a_folder_needs_no_permission_where_a_device_receives_the_bytes(tmp_path, monkeypatch):
    (tmp_path / "null.csv").symlink_to("/dev/null")
    asked = []

    def access(path, mode):
        asked.append((str(path), mode))
        return True

    monkeypatch.setattr(files, "os", SimpleNamespace(**{**vars(os), "access": access}))
    assert obstacle(tmp_path / "null.csv") == ""
    assert asked == [("/dev/null", os.W_OK)]
    asked.clear()
    assert obstacle(tmp_path / "new.csv") == ""
    assert asked == [(str(tmp_path), os.W_OK)]
    asked.clear()
    (tmp_path / "old.csv").touch()
    assert obstacle(tmp_path / "old.csv") == ""
    assert asked == [(str(tmp_path), os.W_OK), (str(tmp_path / "old.csv"), os.W_OK)]


def test_obstacles_are_named_in_full(tmp_path):
    assert obstacle(tmp_path / "none" / "a.csv") == f"no folder '{tmp_path / 'none'}'"
    assert obstacle(tmp_path) == f"'{tmp_path}' is a folder"
    long = tmp_path / ("x" * 300)
    assert obstacle(long) == f"cannot write '{long}': File name too long"
