"""`vaedyn theory` for Adam: what is printed, warned of and refused."""

import json

import pytest

ADAM = ("theory", "--optimiser", "adam", "--lr", "0.784", "--dim", "784", "--t-max", "3")


def test_theory_prints_its_end_and_when_it_converges(run):
    done = run(*ADAM, "--batch", "128", "--latents", "sampled", "--rho", "3")
    assert done.code == 0
    assert "eps_g" in done.out
    assert "eps_g stays within 0.001 of its final value" in done.out
    assert "warning" not in done.err


def test_warnings_are_in_the_json_too(run):
    done = run(*ADAM, "--batch", "128", "--latents", "sampled", "--init", "torch", "--json")
    data = json.loads(done.out)
    (text,) = data["warnings"]
    assert "dominated by mean gradients" in text
    assert text in done.err
    assert data["params"]["optimiser"] == "adam"
    assert {"steps", "evaluations", "stiff", "least_variance"} == {*data["solver"]}


@pytest.mark.parametrize("option", [("--noise", "1.2*0.5,0.8*0.5"), ("--alpha", "3")])
def test_adam_in_classes_and_on_rows_is_refused_in_a_line(run, option):
    done = run(*ADAM, *option)
    assert done.code == 2
    name = option[0].removeprefix("--")
    assert done.err == f"error: --optimiser: adam is not derived together with {name}\n"
