"""Run the recipes of docs/practice.md with the real libraries: `make test-bridges`."""

import numpy as np
import pytest

import vaedyn
from tests.shared.recipes import recipe
from vaedyn import KLSchedule

SCHEDULE = KLSchedule("linear:8", weight=0.4)


def test_the_first_page_trains_a_vae_and_watches_it(capsys):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    names = {}
    exec(recipe("loop"), names)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in lines] == [500, 1000, 1500, 2000, 2500, 3000]
    assert all(len(line) > 20 for line in lines)
    print(*lines, sep="\n")


def test_lightning_has_the_weight_of_each_step_and_after_a_checkpoint(tmp_path):
    lightning = pytest.importorskip("lightning")
    torch = pytest.importorskip("torch")
    names = {}
    exec(recipe("lightning"), names)
    seen = []

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def training_step(self, batch):
            seen.append(self.kl_weight)
            return self.layer(batch).square().mean()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    rows = torch.utils.data.DataLoader(torch.randn(12, 3), batch_size=3)
    callback = names["KLWeight"](SCHEDULE)
    quiet = {
        "enable_progress_bar": False, "enable_model_summary": False, "logger": False,
        "accelerator": "cpu", "default_root_dir": tmp_path, "callbacks": [callback],
    }  # fmt: skip
    trainer = lightning.Trainer(max_epochs=1, **quiet)
    trainer.fit(Module(), rows)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    lightning.Trainer(max_epochs=3, **quiet).fit(Module(), rows, ckpt_path=tmp_path / "one.ckpt")
    assert seen == [SCHEDULE(step) for step in range(12)]


def test_keras_has_the_weight_of_each_step():
    keras = pytest.importorskip("keras")
    names = {}
    exec(recipe("keras"), names)
    seen = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Dense(1)
            self.kl_weight = self.add_weight(shape=(), trainable=False)

        def call(self, x):
            return self.layer(x)

    class See(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(keras.ops.convert_to_numpy(self.model.kl_weight)))

    model = Model()
    model.compile(optimizer="adam", loss="mse")
    rows = np.ones((12, 3), "float32")
    both = [names["KLWeight"](SCHEDULE), See()]
    model.fit(rows, rows[:, :1], batch_size=3, epochs=3, verbose=0, callbacks=both)
    assert seen == pytest.approx([SCHEDULE(step) for step in range(12)], rel=1e-6)


def test_scvi_tools_warms_up_in_the_steps_of_the_schedule(tmp_path):
    anndata = pytest.importorskip("anndata")
    scvi = pytest.importorskip("scvi")
    scvi.settings.seed = 3
    scvi.settings.logging_dir = tmp_path
    random = np.random.default_rng(5)
    counts = random.poisson(random.gamma(2, 1, 30), (90, 30)).astype("float32")
    cells = anndata.AnnData(counts)
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, n_latent=3, n_hidden=8)
    seen = []

    class Plan(model._training_plan_cls):
        def training_step(self, batch, batch_index):
            loss = super().training_step(batch, batch_index)
            seen.append(float(self.kl_weight))
            return loss

    model._training_plan_cls = Plan
    code = recipe("scvi")
    for long, short in (
        ("linear:4000", "linear:8"),
        ("weight=1.0", f"weight={SCHEDULE.weight}"),
        ("max_epochs=200", "max_epochs=6, batch_size=32, train_size=1.0, accelerator='cpu'"),
    ):
        assert code.count(long) == 1
        code = code.replace(long, short)
    exec(code, {"vaedyn": vaedyn, "model": model})
    assert seen == pytest.approx([SCHEDULE(step) for step in range(18)], rel=1e-6)
