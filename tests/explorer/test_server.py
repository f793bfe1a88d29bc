"""The server: whom it answers, what it sends, and how it begins and ends."""

import http.client
import json
import re
import signal
import socket
import sys
import urllib.error
import urllib.request

import pytest

import vaedyn
from tests.shared.page import ended_by, served
from vaedyn.explorer.explore import LACKING

pytest.importorskip("bokeh")


def get(address, **headers):
    """Return the status of an answer, and its text."""
    asked = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_sends_a_page_and_all_its_scripts_itself(address):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    status, page = get(address)
    assert status == 200
    assert "<title>vaedyn</title>" in page
    assert '<html lang="en">' in page
    assert 'content="width=device-width, initial-scale=1"' in page
    scripts = re.findall(r'src="([^"]*)"', page)
    assert scripts
    for script in scripts:
        assert script.startswith("/static/js/bokeh"), script
        assert len(get(address.rstrip("/") + script)[1]) > 1000
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert "@import" not in page


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::1]"])
def test_a_foreign_host_is_refused(address, host):
    port = address.rpartition(":")[2].rstrip("/")
    assert get(address, Host=f"{host}:{port}")[0] == 403
    assert get(f"{address}static/js/bokeh.min.js", Host=host)[0] == 403


def test_this_machine_is_answered_under_both_its_names(address):
    port = address.rpartition(":")[2].rstrip("/")
    assert get(address, Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:PORT", 101),
        ("http://localhost:PORT", 101),
        ("http://evil.example", 403),
        ("http://evil.example:PORT", 403),
        ("http://127.0.0.1:1", 403),
        ("http://localhost", 403),
        ("null", 403),
    ],
)
def test_only_its_own_page_gets_a_connection(address, origin, status):
    port = int(address.rpartition(":")[2].rstrip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
               "Sec-WebSocket-Protocol": "bokeh"}  # fmt: skip
    upgrade["Origin"] = origin.replace("PORT", str(port))
    connection.request("GET", "/ws", headers=upgrade)
    assert connection.getresponse().status == status
    connection.close()


def test_other_paths_are_not_there(address):
    assert get(f"{address}../pyproject.toml")[0] == 404
    assert get(f"{address}static/../../secret")[0] in (403, 404)


def test_no_bokeh_is_said_in_a_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    done = run("explore")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {LACKING}\n"
    assert "vaedyn[explore]" in LACKING
    with pytest.raises(ImportError, match="vaedyn\\[explore\\]"):
        vaedyn.explore()


def test_an_old_bokeh_is_said_in_a_line(run, monkeypatch):
    monkeypatch.setattr("bokeh.__version__", "3.6.2")
    assert run("explore").err == f"error: {LACKING} (there is 3.6.2)\n"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "eighty", "1.5"])
def test_a_port_that_is_none_is_refused(run, port):
    done = run("explore --port", port)
    assert (done.code, done.out) == (2, "")
    assert "'--port'" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_port_that_is_taken_is_refused_before_anything_is_compiled(run, monkeypatch):
    monkeypatch.setattr("vaedyn.explorer.explore.warm_up", pytest.fail)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("explore --port", port)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: --port: {port} is in use: choose another one, or leave it out\n"


def test_a_model_that_there_is_not_is_refused(run):
    done = run("explore --rho 1,2")
    assert (done.code, done.out) == (2, "")
    assert "--rho: expected one number or 1" in done.err


def test_an_interrupt_ends_it_cleanly(tmp_path):
    with served("--json", "--store", str(tmp_path / "kept"), "--beta", "1.5") as (server, line):
        lines = [line, *(server.stdout.readline() for _ in range(3))]
        data = json.loads("".join(lines))
        assert data["command"] == "explore"
        assert get(data["address"])[0] == 200
        assert ended_by(signal.SIGINT, 130, server) == ["error: interrupted"]
    assert not (tmp_path / "kept").exists()  # nobody has rested on a model
