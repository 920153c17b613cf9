# SPDX-License-Identifier: Apache-2.0
"""Presets, overrides, and how mistakes in them are reported."""

from pathlib import Path
import re

import pytest

from dancepose.trainer.config import config_from_table, load_config, preset_names
from dancepose.trainer.training_errors import ConfigError


def test_paper_preset_has_the_papers_numbers() -> None:
    config = load_config("paper")
    assert (config.loss.lambda_3d, config.loss.lambda_adv, config.loss.lambda_rotation) == (1.0, 0.07, 0.0)
    assert (config.optim.batch, config.optim.optimiser) == (256, "adam")
    assert (config.data.motion_frames, config.data.motion_train_clips, config.data.motion_all_clips) == (4000, 51, 61)
    assert (config.model.width, config.model.blocks, config.model.rotation) == (1024, 2, "rotvec")
    assert config.data.normalise == "max"


def test_every_preset_loads_and_survives_its_own_table() -> None:
    assert set(preset_names()) >= {"paper", "best", "smoke"}
    for name in preset_names():
        config = load_config(name)
        assert config.name == name
        assert config_from_table(config.to_table(), "again") == config


def test_overrides_are_typed_by_what_they_replace() -> None:
    config = load_config("paper", ("optim.steps=7", "optim.lr=1", "model.facing=true", "model.rotation=rot6d"))
    assert (config.optim.steps, config.optim.lr, config.model.facing) == (7, 1.0, True)
    assert config.model.rotation == "rot6d"
    assert load_config("paper", ("seed=3",)).seed == 3


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optim.step=7", "optim.step; the nearest known one is optim.steps"),
        ("optm.steps=7", "optm; the nearest known one is optim"),
        ("optim.steps=many", "optim.steps is 'many'; expected a value of type int"),
        ("optim.steps=true", "optim.steps is True; expected a value of type int"),
        ("optim.steps=0", "expected a value above 0"),
        ("model.width=100000000", "a number from 0 to 16384"),
        ("seed=-1", "seed is -1; expected a number from 0 to 4294967295"),
        ("seed=99999999999999999999999", "from 0 to 4294967295"),
        ("loss.lambda_3d=nan", "loss.lambda_3d is nan; expected a number from 0"),
        ("augment.tilt_deg=-3", "augment.tilt_deg is -3.0; expected a number from 0"),
        ("optim.ema_decay=1.5", "expected a number from 0 to 0.9999999"),
        ("model.blocks=65", "from 0 to 64"),
        ("optim.lr=1e4", "from 0 to 1000"),
        ("augment.betas_std=1e20", "from 0 to 10"),
        ("data.holdout=1", "from 0 to 0.99"),
        ("optim.batch=1", "from 2 to 1048576"),
        ("optim.batch=2000000", "from 2 to 1048576"),
        ("model.rotation=euler", "choose one of rotvec, rot6d"),
        ("data.motion_share=1.5", "from 0 to 1"),
        ("optim=3", "expected a table of keys"),
        ("steps", "--set expects KEY=VALUE (e.g. --set optim.steps=1000), got 'steps'"),
    ],
)
def test_mistakes_are_named(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_config("paper", (override,))


def test_a_mistake_in_an_override_names_the_override() -> None:
    for override in ("optim.stepz=3", "optim.steps=many", "optim.steps=-1", "loss.target=nothing", "optim.steps=[[1"):
        with pytest.raises(ConfigError) as caught:
            load_config("paper", (override,))
        assert str(caught.value).startswith(f"--set {override}")


def test_preset_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="presets: best, paper, smoke"):
        load_config("papper")
    own = tmp_path / "own.toml"
    own.write_text("[optim]\nsteps = 3\n", encoding="utf-8")
    assert load_config(str(own)).optim.steps == 3
    own.write_text("[optim\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(str(own))


OLD_OPTIM = {"rate": 0.5, "rate_discriminator": 0.25, "clip": 3.0, "ema": 0.9, "half_products": True}
OLD_TABLE = {"name": "old", "optim": OLD_OPTIM, "loss": {"target": "seen"}}


def test_tables_of_earlier_versions_are_migrated() -> None:
    config = config_from_table(OLD_TABLE, "config.json")
    assert (config.optim.lr, config.optim.lr_discriminator, config.optim.grad_clip) == (0.5, 0.25, 3.0)
    assert (config.optim.ema_decay, config.optim.bf16_matmul, config.loss.target) == (0.9, True, "subject")
    assert "rate" in OLD_OPTIM, "the table of the caller is not changed"


def test_presets_and_overrides_of_earlier_versions_are_migrated(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[optim]\nrate = 0.5\nclip = 3.0\n[loss]\ntarget = "seen"\n', encoding="utf-8")
    config = load_config(str(own), ("optim.rate=0.125", "optim.half_products=true"))
    assert (config.optim.lr, config.optim.grad_clip, config.optim.bf16_matmul) == (0.125, 3.0, True)
    assert config.loss.target == "subject"
    assert load_config("best", ("loss.target=seen", "optim.ema=0")).optim.ema_decay == 0.0


def test_old_and_new_name_together_are_refused() -> None:
    with pytest.raises(ConfigError, match=re.escape("both optim.rate and optim.lr")):
        config_from_table({"optim": {"rate": 1.0, "lr": 1.0}}, "config.json")
