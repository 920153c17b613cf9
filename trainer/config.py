# SPDX-License-Identifier: Apache-2.0
"""Settings of a training run: frozen dataclasses, TOML presets and single overrides."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
import difflib
from pathlib import Path
from typing import Any, Final, get_type_hints

from dancepose_addon.core.bounded_files import read_document
from dancepose_addon.core.errors import MissingFileError
from dancepose_addon.core.printable_text import escaped
from dancepose_addon.core.toml_text import parse_toml

from .training_errors import ConfigError

PRESET_FOLDER: Final = Path(__file__).parent / "presets"
RENAMED_KEYS: Final = {
    "optim.rate": "optim.lr",
    "optim.rate_discriminator": "optim.lr_discriminator",
    "optim.clip": "optim.grad_clip",
    "optim.ema": "optim.ema_decay",
    "optim.half_products": "optim.bf16_matmul",
}
"""Key in files written before version 1.0: its present name. Old run folders and presets stay readable."""
RENAMED_VALUES: Final = {("loss.target", "seen"): "subject"}
"""(key, old value): the present value."""


@dataclass(frozen=True)
class DataConfig:
    """Composition of a batch."""

    # Key-point layout. Several joined by "+", or "all", train one network for all of them.
    layout: str = "md23"
    # Scale of the input: "max" (largest coordinate of the clip, as published) or "size" (sum of edge lengths, which
    # does not depend on how far the dancer reaches). See core.fit.normalise.
    normalise: str = "max"
    # Share of a batch that is recorded key-points without known pose; the rest is synthesised from natural poses.
    motion_share: float = 1.0
    # Recorded frames sampled for training, as published; 0 uses all.
    motion_frames: int = 4000
    # The published split trains on 51 of 61 clips; the proportion is kept where fewer clips are present.
    motion_train_clips: int = 51
    motion_all_clips: int = 61
    # Split every dance in that proportion instead of all clips at random.
    stratified: bool = False
    # Share of the synthesised poses drawn from the procedural set. They teach limb positions but no natural twist.
    procedural_share: float = 0.0
    # Size of the procedural set.
    procedural_poses: int = 20000
    # Share of the natural clips, with their mirror images, that training never uses. Reserved for evaluation.
    holdout: float = 0.0


@dataclass(frozen=True)
class AugmentConfig:
    """Differences between synthesised key-points and P_3d of a natural pose on the mean body."""

    # Probability of mirroring a pose. Pose files already hold mirror images; shards do not.
    mirror: float = 0.0
    # Probability that a limb, or both legs, is taken from another pose of the batch.
    recombine: float = 0.0
    # Largest standard deviation of the random rotation of limb joints, degrees. Trunk joints get less, the root none.
    joint_noise_deg: float = 0.0
    # Share of poses that get this rotation noise.
    noisy_share: float = 0.0
    # Random heading: rotation about the vertical.
    yaw: bool = False
    # Standard deviation of a lean of the whole body, degrees: floors and cameras are rarely exactly level.
    tilt_deg: float = 0.0
    # Standard deviation of the shape parameters, so that the network is trained on many bodies.
    betas_std: float = 0.0
    # Standard deviation of the marker positions on the body, metres: no two marker placements are equal.
    offset_m: float = 0.0
    # Sensor noise per coordinate, metres (standard deviation).
    noise_m: float = 0.0
    # Probability that a point is an outlier, and the standard deviation of its displacement, metres.
    displaced: float = 0.0
    displaced_m: float = 0.1
    # Probability that a limb was occluded and filled in. Its points are then displaced together, by gap_m.
    gap: float = 0.0
    gap_m: float = 0.08
    # Relative error of the clip's scale.
    size_std: float = 0.0


@dataclass(frozen=True)
class ModelConfig:
    """Architecture of the generator (the SmplRegressor)."""

    # Features per layer, as published (Martinez et al. 2017).
    width: int = 1024
    # Residual blocks of two linear layers each, as published. A third was worse in short runs.
    blocks: int = 2
    # Output per joint: "rotvec" as published, or the continuous "rot6d" (Zhou et al. 2019), which is easier to learn.
    rotation: str = "rotvec"
    # Rotate every frame to face +z, and the predicted root back, so that headings need not be learned.
    facing: bool = False
    # Rotations relative to the parent ("local", as published) or to the world ("global"). The direction of a bone is
    # one column of its global rotation, but depends on every ancestor's local one.
    frame: str = "local"
    # Input: "points", with edge directions ("directions"), or also with the normals of edge pairs ("planes").
    features: str = "points"


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms. A weight of 0 switches a term off."""

    # Distance of P_3d(theta) to the key-points, as published.
    lambda_3d: float = 1.0
    # Adversarial term, as published. With 0 no discriminator is trained.
    lambda_adv: float = 0.07
    # Error of local rotations, for synthesised frames, whose pose is known. Positions do not show twist; this does.
    lambda_rotation: float = 0.0
    # The same for global rotations.
    lambda_global: float = 0.0
    # Target of L_3d for synthesised frames: points of the "subject" (the sampled body) or of the "mean" body.
    target: str = "subject"


@dataclass(frozen=True)
class OptimConfig:
    """Optimisation of generator and discriminator."""

    # "adam" as published, or "adamw" for weight decay.
    optimiser: str = "adam"
    # Learning rate of the generator: constant, or the peak of the one-cycle schedule.
    lr: float = 1e-4
    # Learning rate of the discriminator, always constant. The value is HMR's.
    lr_discriminator: float = 1e-4
    # Decay of the weight matrices. Biases and batch-norm factors are not decayed. AdamW only.
    weight_decay: float = 0.0
    # Learning-rate schedule of the generator: "constant" or "onecycle".
    schedule: str = "constant"
    # Largest gradient norm of the generator; 0 disables clipping.
    grad_clip: float = 0.0
    # Decay of the exponential moving average of the generator's weights, which is exported; 0 disables it.
    ema_decay: float = 0.0
    # Frames per step.
    batch: int = 256
    # Frames of each batch that the discriminator is given. Fewer cost less time.
    adversarial_batch: int = 256
    # Multiply matrices of the residual blocks in bfloat16 where the hardware supports it: about twice as fast.
    bf16_matmul: bool = False
    # Number of steps.
    steps: int = 20000


@dataclass(frozen=True)
class Config:
    """All settings of a run."""

    # Name of the preset, kept with the exported regressor.
    name: str = "custom"
    # Seed of every random number.
    seed: int = 0
    # Steps between two lines of the log.
    log_every: int = 50
    # Steps between two checkpoints.
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    def to_table(self) -> dict[str, Any]:
        """Return nested plain values, as in the TOML file."""
        return asdict(self)


CHOICES: Final = {
    "data.normalise": ("max", "size"),
    "model.rotation": ("rotvec", "rot6d"),
    "model.features": ("points", "directions", "planes"),
    "model.frame": ("local", "global"),
    "loss.target": ("subject", "mean"),
    "optim.optimiser": ("adam", "adamw"),
    "optim.schedule": ("constant", "onecycle"),
}
SHARES: Final = (
    "data.motion_share",
    "data.procedural_share",
    "augment.mirror",
    "augment.recombine",
    "augment.noisy_share",
    "augment.displaced",
    "augment.gap",
    "data.holdout",
)
POSITIVE: Final = (
    "log_every",
    "checkpoint_every",
    "data.motion_train_clips",
    "data.motion_all_clips",
    "data.procedural_poses",
    "model.width",
    "model.blocks",
    "optim.lr",
    "optim.lr_discriminator",
    "optim.batch",
    "optim.adversarial_batch",
    "optim.steps",
)
MOST: Final = {
    "model.width": 16_384,
    "model.blocks": 64,
    "optim.lr": 1e3,
    "optim.lr_discriminator": 1e3,
    "optim.batch": 1 << 20,
    "optim.adversarial_batch": 1 << 20,
    "data.procedural_poses": 100_000_000,
    "data.holdout": 0.99,
    "augment.joint_noise_deg": 180.0,
    "augment.tilt_deg": 180.0,
    "augment.betas_std": 10.0,
    "augment.offset_m": 1.0,
    "augment.noise_m": 1.0,
    "augment.displaced_m": 10.0,
    "augment.gap_m": 10.0,
    "augment.size_std": 0.3,
    "loss.lambda_3d": 1e6,
    "loss.lambda_adv": 1e6,
    "loss.lambda_rotation": 1e6,
    "loss.lambda_global": 1e6,
    "optim.weight_decay": 1e3,
    "seed": 2**32 - 1,
    "optim.ema_decay": 0.999_999_9,
}
"""Sixteen times the published width, and a hundred times the largest sensible batches and data: more is a typing error,
and would take all memory. NumPy and torch take no larger seed."""
MOST_OF_OTHERS: Final = 1e12
LEAST: Final = {"optim.batch": 2}
"""Batch norm needs two frames."""


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that the project ships."""
    return tuple(sorted(path.stem for path in PRESET_FOLDER.glob("*.toml")))


def load_config(preset: str, overrides: tuple[str, ...] = ()) -> Config:
    """Load a preset and apply overrides.

    Args:
        preset: Name of a preset, or path of a .toml file of the same form.
        overrides: Assignments such as ``optim.steps=100``, applied in order.

    Returns:
        The settings; keys that are not given keep their defaults.

    Raises:
        ConfigError: No such preset or file, an unknown key (the nearest known one is named), or an invalid value.
    """
    path = Path(preset) if preset.endswith(".toml") else PRESET_FOLDER / f"{preset}.toml"
    try:
        table = parse_toml(read_document(path, what="a preset"))
    except MissingFileError as error:
        raise ConfigError(
            f"There is no preset {preset!r}; presets: {', '.join(preset_names())}, or the path of a .toml file."
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    table = _migrated(table, str(path))
    for override in overrides:
        given, source = _parse_override(override), f"--set {escaped(override)[:200]}"
        config_from_table(given, source)  # so that messages name --set, not the preset
        _merge(table, _migrated(given, source))
    return config_from_table(table, str(path))


def config_from_table(table: Mapping[str, Any], source: str) -> Config:
    """Build settings from nested plain values, with names as they are now or as they were before version 1.0.

    Args:
        table: Nested values; keys that are not given keep their defaults.
        source: Where the table comes from, for messages.

    Returns:
        The settings.

    Raises:
        ConfigError: An unknown key or an invalid value.
    """
    config: Config = _fill(Config(), _migrated(table, source), "", source)
    flat = _flatten(config.to_table())
    for key, allowed in CHOICES.items():
        if flat[key] not in allowed:
            raise ConfigError(f"{source}: {key} is {flat[key]!r}; choose one of {', '.join(allowed)}.")
    for key in SHARES:
        if not 0.0 <= flat[key] <= 1.0:
            raise ConfigError(f"{source}: {key} is {flat[key]}; expected a share from 0 to 1.")
    for key in POSITIVE:
        if not flat[key] > 0:
            raise ConfigError(f"{source}: {key} is {flat[key]}; expected a value above 0.")
    for key, value in flat.items():
        most = MOST.get(key, MOST_OF_OTHERS)
        least = LEAST.get(key, 0)
        if isinstance(value, int | float) and not least <= value <= most:  # also nan
            raise ConfigError(f"{source}: {key} is {value}; expected a number from {least} to {most:.10g}.")
    return config


def _migrated(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the table with old keys and values replaced by the present ones."""
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    for old, new in RENAMED_KEYS.items():
        (group, old_name), new_name = old.split("."), new.split(".")[1]
        members = result.get(group)
        if not isinstance(members, dict) or old_name not in members:
            continue
        if new_name in members:
            raise ConfigError(f"{source} has both {old} and {new}, which are the same setting. Keep {new}.")
        members[new_name] = members.pop(old_name)
    for (key, old), new in RENAMED_VALUES.items():
        group, name = key.split(".")
        members = result.get(group)
        if isinstance(members, dict) and members.get(name) == old:
            members[name] = new
    return result


def _fill(instance: Any, table: Mapping[str, Any], prefix: str, source: str) -> Any:
    hints = get_type_hints(type(instance))
    known = {item.name: getattr(instance, item.name) for item in fields(instance)}
    changes = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{source} has the unknown key {prefix}{key!s}; the nearest known one is {prefix}{near}.")
        if is_dataclass(known[key]):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{source}: {prefix}{key} is {value!r}; expected a table of keys.")
            changes[key] = _fill(known[key], value, f"{prefix}{key}.", source)
        else:
            changes[key] = _typed(value, hints[key], f"{prefix}{key}", source)
    return replace(instance, **changes)


def _typed(value: Any, wanted: type, key: str, source: str) -> Any:
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool):
        return value
    raise ConfigError(f"{source}: {key} is {value!r}; expected a value of type {wanted.__name__}.")


def _parse_override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set expects KEY=VALUE (e.g. --set optim.steps=1000), got {text!r}.")
    try:
        parsed = parse_toml(f"value = {value}")["value"]
    except ValueError:
        parsed = value  # a word without quotes
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    return parsed


def _merge(table: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat.update(_flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value})
    return flat
