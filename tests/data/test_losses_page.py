"""docs/losses.md says what the table of presets says, and its Python runs."""

import re
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from vaedyn import PRESETS, Convention
from vaedyn.cli.convention import spelt

PAGE = (Path(__file__).parents[2] / "docs" / "losses.md").read_text()


def rows(heading):
    """Return the cells of a table, without heading and rule."""
    table = PAGE.partition(heading)[2].partition("\n\n")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip("` ") for cell in line] for line in lines[1:]]


def test_presets_are_those_of_the_table():
    found = {name: (options, weight) for name, options, weight, _ in rows("| `--like` | options |")}
    assert set(found) == set(PRESETS)
    for name, (options, weight) in found.items():
        preset = PRESETS[name]
        ours = spelt(preset.convention).replace("--loss sum --likelihood", "--likelihood")
        assert options == ours
        if preset.weight is not None:
            assert float(weight) == preset.weight


def test_betas_are_those_of_the_table():
    """Of weight 3 and 5 entries; where it says `of the above`, of a squared error."""
    numbers = {"w": 3.0, "N": 5, "M": 4, "B": 8, "v": 0.3, "a": 2.5, "c": 0.7}
    whole = Convention("sum")
    table = rows("| your loss | options |")
    assert len(table) == 11
    for _, options, beta in table:
        words = [numbers.get(word, word) for word in options.split()]
        given = {
            name.lstrip("-").replace("-", "_"): value
            for name, value in zip(words[::2], words[1::2], strict=options != "none")
        }
        formula = beta.partition(",")[0].replace("^", "**").replace("w N", "w*N")
        formula = formula.replace("w v", "w*v").replace("w B", "w*B")
        expected = eval(formula, {}, numbers)
        if "of the above" in beta:
            expected *= whole.beta(1.0, 5)
        found = Convention("sum", 1.0) if options == "none" else Convention(**given)
        np.testing.assert_allclose(found.beta(3.0, 5, found.kind), expected, rtol=1e-12)


def test_the_python_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = load_digits().data
    np.save("digits.npy", x)
    np.save("binary.npy", (x > 7) * 1.0)
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(block, {})
    printed = capsys.readouterr().out.splitlines()
    assert "squared error" in printed[0]
    assert "beta = 0.024, whatever the batch size" in printed[0]
    assert printed[1].startswith("[4.86571314 4.37441328")
    assert "sigma2=6.996" in printed[2]
