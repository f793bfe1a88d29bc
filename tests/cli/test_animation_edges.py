"""Names of animations that are taken."""


def test_an_animation_never_takes_the_place_of_a_folder(run, tmp_path):
    (tmp_path / "a.gif").mkdir()
    done = run("plot learning-curve --dim 50 --lr 0.1 --t-max 20 --points 5 --animate a.gif")
    assert done.code == 2
    assert "--animate" in done.err
    assert "a.gif' is a directory" in done.err
