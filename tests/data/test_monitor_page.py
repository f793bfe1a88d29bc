"""docs/monitor.md: its verdicts, its Python, and the callback, which needs no Lightning here."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from tests.shared.own_vae import Tensor, at_the_end
from vaedyn.data.verdict import VERDICTS

PAGE = (Path(__file__).parents[2] / "docs" / "monitor.md").read_text()
LOOP, CALLBACK, PLAIN = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_verdicts_are_those_of_the_table():
    found = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)
    assert dict(found) == VERDICTS


def test_the_plain_example_prints_what_the_page_says(capsys):
    exec(PLAIN, {})
    assert capsys.readouterr().out.startswith("plateau 3.")


def test_the_callback_reports_once_an_epoch(monkeypatch):
    """With stand-ins for Lightning and for tensors."""
    fake = ModuleType("lightning")
    fake.Callback = object
    monkeypatch.setitem(sys.modules, "lightning", fake)
    names = {}
    exec(CALLBACK, names)
    rows = np.random.default_rng(0).normal(size=(90, 3)) * [3, 2, 0.5]
    callback = names["Collapse"](rows, convention="pytorch-vae")
    mu, D, _ = at_the_end(rows, 0.9, 2)
    said, logged = [], {}
    module = SimpleNamespace(kl_weight=0.6, print=said.append, log=logged.__setitem__)
    for part in np.array_split(mu, 7):
        outputs = {"mu": Tensor(part), "logvar": Tensor(np.tile(np.log(D), (len(part), 1)))}
        callback.on_train_batch_end(None, module, outputs, None, 0)
    callback.on_train_epoch_end(None, module)
    assert said == ["expected: nothing to do"]
    assert logged == {"active_units": 2.0}
    assert callback.monitor.history[0].beta == pytest.approx(0.9)


def test_the_loop_is_python_and_needs_pytorch_only():
    compile(LOOP, "loop", "exec")
    imported = set(re.findall(r"^import (\w+)", LOOP, re.MULTILINE))
    assert imported == {"sklearn", "torch", "vaedyn"}
