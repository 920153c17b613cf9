"""What a training run is: frozen settings, read from TOML presets and overridden one by one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
import difflib
from pathlib import Path
import tomllib
from typing import Any, Final, get_type_hints

from .training_errors import ConfigError

PRESET_FOLDER: Final = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class DataConfig:
    """Where a batch comes from.

    layout: of the key-points; several joined by "+", or "all", train one network for them all. normalise: kind of
    ``core.fit.normalise``. motion_share: share of a batch that is recorded key-points without known pose; the rest is
    synthesised from natural poses. motion_frames: recorded frames sampled for training, 0 for all. motion_train_clips
    of motion_all_clips: the split of the recordings, kept in proportion where fewer clips are there; stratified: of
    every dance alike. procedural_share: share of synthesised poses that are drawn from the procedural set.
    procedural_poses: size of that set. holdout: share of the natural clips, mirror images with them, that training
    never sees.
    """

    layout: str = "md23"
    normalise: str = "max"
    motion_share: float = 1.0
    motion_frames: int = 4000
    motion_train_clips: int = 51
    motion_all_clips: int = 61
    stratified: bool = False
    procedural_share: float = 0.0
    procedural_poses: int = 20000
    holdout: float = 0.0


@dataclass(frozen=True)
class AugmentConfig:
    """How synthesised key-points differ from P_3d of a natural pose on the mean body.

    mirror: probability. recombine: probability that a limb or the legs come from another pose. joint_noise_deg:
    largest standard deviation of a rotation added to a limb's joints (less to the trunk's, none to the root's).
    noisy_share: share of poses that get it. yaw: turn about the vertical at random. tilt_deg: standard deviation of a
    lean of the whole body. betas_std: of the shape parameters. offset_m: standard deviation of the markers' places.
    noise_m: of the sensor, per coordinate. displaced: probability that a point is off by displaced_m (standard
    deviation). gap: probability that a limb was not seen and its points were filled in, all off together by gap_m.
    size_std: relative error of the clip's scale.
    """

    mirror: float = 0.0
    recombine: float = 0.0
    joint_noise_deg: float = 0.0
    noisy_share: float = 0.0
    yaw: bool = False
    tilt_deg: float = 0.0
    betas_std: float = 0.0
    offset_m: float = 0.0
    noise_m: float = 0.0
    displaced: float = 0.0
    displaced_m: float = 0.1
    gap: float = 0.0
    gap_m: float = 0.08
    size_std: float = 0.0


@dataclass(frozen=True)
class ModelConfig:
    """The generator. rotation: ``rotvec`` or ``rot6d``; facing: turn every frame to face +z, and its root back;
    frame: whether theta is ``local``, against the parent, or ``global``, against the world, from which local rotations
    follow; features: what the network is shown: the ``points`` alone, also the ``directions`` of the edges, or also
    the ``planes`` of edges that meet in a point (the cross products of their directions)."""

    width: int = 1024
    blocks: int = 2
    rotation: str = "rotvec"
    facing: bool = False
    frame: str = "local"
    features: str = "points"


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms; lambda_rotation (against the parent) and lambda_global (against the world) apply to
    synthesised frames, whose pose is known. lambda_adv 0: no discriminator. target: what L_3d compares synthesised
    frames with: the points as ``seen``, on the person's own body, or those of the same pose on the ``mean`` body."""

    lambda_3d: float = 1.0
    lambda_adv: float = 0.07
    lambda_rotation: float = 0.0
    lambda_global: float = 0.0
    target: str = "seen"


@dataclass(frozen=True)
class OptimConfig:
    """How weights change. schedule: ``constant`` or ``onecycle`` (of the generator); clip: largest gradient norm of
    the generator, 0 for none; ema: decay of the averaged generator, 0 for none; adversarial_batch: frames of each
    batch that the discriminator sees; half_products: multiply the blocks' matrices in bfloat16, where the hardware does
    so."""

    optimiser: str = "adam"
    rate: float = 1e-4
    rate_discriminator: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip: float = 0.0
    ema: float = 0.0
    batch: int = 256
    adversarial_batch: int = 256
    half_products: bool = False
    steps: int = 20000


@dataclass(frozen=True)
class Config:
    """A whole run. seed: of everything random; log_every, checkpoint_every: steps."""

    name: str = "custom"
    seed: int = 0
    log_every: int = 50
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    def to_table(self) -> dict[str, Any]:
        """Nested plain values, as in the TOML file."""
        return asdict(self)


CHOICES: Final = {
    "data.normalise": ("max", "size"),
    "model.rotation": ("rotvec", "rot6d"),
    "model.features": ("points", "directions", "planes"),
    "model.frame": ("local", "global"),
    "loss.target": ("seen", "mean"),
    "optim.optimiser": ("adam", "adamw"),
    "optim.schedule": ("constant", "onecycle"),
}
SHARES: Final = (
    "data.motion_share", "data.procedural_share", "augment.mirror", "augment.recombine", "augment.noisy_share",
    "augment.displaced", "augment.gap", "data.holdout",
)  # fmt: skip
POSITIVE: Final = (
    "log_every", "checkpoint_every", "data.motion_train_clips", "data.motion_all_clips", "data.procedural_poses",
    "model.width", "model.blocks", "optim.rate", "optim.rate_discriminator", "optim.batch", "optim.adversarial_batch",
    "optim.steps",
)  # fmt: skip


def preset_names() -> tuple[str, ...]:
    """The presets that the project ships."""
    return tuple(sorted(path.stem for path in PRESET_FOLDER.glob("*.toml")))


def load_config(preset: str, overrides: tuple[str, ...] = ()) -> Config:
    """A preset's settings, or those of a TOML file, with overrides such as ``optim.steps=100`` on top.

    Raises:
        ConfigError: no such preset or file, an unknown key (the nearest one is named), or a value that cannot be.
    """
    path = Path(preset) if preset.endswith(".toml") else PRESET_FOLDER / f"{preset}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"There is no preset {preset!r}; presets: {', '.join(preset_names())}, or the path of a .toml file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    for override in overrides:
        _merge(table, _parse_override(override))
    return config_from_table(table, str(path))


def config_from_table(table: Mapping[str, Any], source: str) -> Config:
    """Settings from nested plain values; what is left out keeps its default.

    Raises:
        ConfigError: an unknown key or a value that cannot be.
    """
    config: Config = _fill(Config(), table, "", source)
    flat = _flatten(config.to_table())
    for key, allowed in CHOICES.items():
        if flat[key] not in allowed:
            raise ConfigError(f"{source}: {key} is {flat[key]!r}; choose one of {', '.join(allowed)}.")
    for key in SHARES:
        if not 0.0 <= flat[key] <= 1.0:
            raise ConfigError(f"{source}: {key} is {flat[key]}; it is a share, from 0 to 1.")
    for key in POSITIVE:
        if not flat[key] > 0:
            raise ConfigError(f"{source}: {key} is {flat[key]}; it has to be above 0.")
    return config


def with_steps(config: Config, steps: int) -> Config:
    """The same run, shorter or longer."""
    return replace(config, optim=replace(config.optim, steps=steps))


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
                raise ConfigError(f"{source}: {prefix}{key} is {value!r}; it is a group of keys.")
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
        raise ConfigError(f"{text!r} sets nothing; write it as --set optim.steps=1000.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
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
