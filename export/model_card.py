# SPDX-License-Identifier: Apache-2.0
"""Model cards: training data and settings of a regressor, its errors and its limits."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from dancepose_addon.core.counting import counted
from dancepose_addon.core.fit.regressor import RegressorInfo

from .exported_files import CARD_MARK


def model_card(
    info: RegressorInfo, report: Mapping[str, Any], command: str, *, file: str, picture: Path | None = None
) -> str:
    """Write the model card of a layout.

    Args:
        info: Metadata of the file.
        report: Report of the layout, as ``export_run`` writes it.
        command: Commands that trained it, or "" if unknown.
        file: Name of the .onnx file.
        picture: Picture of the worst and the median frames, or None.

    Returns:
        Markdown.
    """
    training = info.training
    shared = [markers.layout.name for markers in info.shared]
    parts = [
        f"# {info.name}{CARD_MARK}{info.layout.name}",
        (
            f"A SmplRegressor for layout {info.layout.name} ({info.layout.title}): key-points in, local rotations of "
            "SMPL's 24 joints out, frame by frame, a whole clip per call."
        ),
        f"File: `{file}`." + (f" One network for the layouts {', '.join(shared)}." if shared else ""),
        "## Data",
        _data(training["data"]),
        (
            f"P_3d: {info.markers.provenance or 'points on joint centres'}. Body: {training['body']} "
            f"({info.body_fingerprint})."
        ),
        "## Settings",
        (
            f"Seed {training['config']['seed']}, {training['steps']} steps, configuration {training['config_sha256']}. "
            f"Normalisation: {info.normalisation}. Rotations: {info.rotation}."
        ),
    ]
    if command:
        parts.append(f"```\n{command}\n```")
    parts.append(f"```json\n{json.dumps(training['config'], indent=1)}\n```")
    if "known" in report:
        parts += ["## Error on motion with known rotations, not trained on", _known(report["known"])]
    if "recorded" in report:
        parts += ["## Error on recorded clips", _recorded(report["recorded"])]
    if picture is not None:
        what = "motion with known rotations" if "known" in report else "the recorded clips"
        parts += [f"Worst and median frames of {what}, ground truth in grey: see `{picture.name}`."]
    parts += ["## Limits", _limits(info, report.get("known", report.get("recorded")))]
    parts += ["## Agreement with torch", _agreement(report["verification"])]
    parts += ["## Licence", info.licence]
    return "\n\n".join(parts) + "\n"


def _data(summary: Mapping[str, Any]) -> str:
    lines = [f"- {summary['natural_poses']} natural poses ({summary['natural_source']})."]
    lines += [f"- {note}" for note in summary.get("natural_notes", ())]
    if summary.get("procedural_share"):
        lines.append(f"- Procedural poses: {100.0 * summary['procedural_share']:.0f} % of the synthesised frames.")
    if "motion_frames" in summary:
        lines.append(
            f"- {summary['motion_frames']} recorded key-point frames of {counted(len(summary['train_clips']), 'clip')} "
            f"({', '.join(summary['train_clips'])})."
        )
    held_out = summary.get("natural_held_out")
    if held_out:
        lines.append(f"- Held out for evaluation: {counted(len(held_out), 'clip')} ({', '.join(held_out)}).")
    if "motion_frames" not in summary:
        lines.append("- No recorded key-points: every input was synthesised from a natural pose.")
    return "\n".join(lines)


def _known(errors: Mapping[str, Any]) -> str:
    intro = (
        f"Regressor alone, without refinement, on {counted(errors['frames'], 'frame')} of "
        f"{counted(errors['clips'], 'clip')} that were not "
        "used for training, nor were their mirror images. Input: the layout's points on the mean body. Mean local "
        f"rotation error **{errors['rotation_deg']} degrees**, mean vertex error (relative to the pelvis) "
        f"**{errors['pve_mm']} mm**, of the key-points {errors['mean_mm']} mm."
    )
    rows = ["| facing | frames | rotation, degrees | vertices, mm | key-points, mm |", "|---|---|---|---|---|"]
    rows += [
        f"| {name} | {row['frames']} | {row['rotation_deg']} | {row['pve_mm']} | {row['mean_mm']} |"
        for name, row in (("+z", errors["forward"]), ("away", errors["backward"]))
    ]
    clips = ["| clip | frames | rotation, degrees | vertices, mm | key-points, mm |", "|---|---|---|---|---|"]
    clips += [
        f"| {name} | {row['frames']} | {row['rotation_deg']} | {row['pve_mm']} | {row['mean_mm']} |"
        for name, row in errors["by_clip"].items()
    ]
    joints = ", ".join(f"{name} {value}" for name, value in errors["by_joint_deg"].items())
    return "\n".join([intro, "", *rows, "", *clips, "", f"By joint, degrees: {joints}."])


def _recorded(errors: Mapping[str, Any]) -> str:
    intro = (
        "Regressor alone, without refinement; one scale per clip and a translation per frame are solved in closed "
        f"form. Mean distance over points, {counted(errors['clips'], 'clip')}, {counted(errors['frames'], 'frame')}: "
        f"**{errors['mean_mm']} mm** (median frame {errors['median_frame_mm']}, 95 % of frames under "
        f"{errors['p95_frame_mm']}, worst "
        f"{errors['worst_frame_mm']}). Facing +z: {errors['forward']['mean_mm']} mm over "
        f"{counted(errors['forward']['frames'], 'frame')}; facing away: {errors['backward']['mean_mm']} mm over "
        f"{errors['backward']['frames']}."
    )
    rows = ["| clip | frames | mean mm | 95 % under | worst frame | mm |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {name} | {row['frames']} | {row['mean_mm']} | {row['p95_frame_mm']} | {row['worst_frame']} | "
        f"{row['worst_frame_mm']} |"
        for name, row in errors["by_clip"].items()
    ]
    points = ", ".join(f"{name} {value}" for name, value in errors["by_point_mm"].items())
    return "\n".join([intro, "", *rows, "", f"By point, mm: {points}."])


def _limits(info: RegressorInfo, errors: Mapping[str, Any] | None) -> str:
    model = info.training["config"]["model"]
    lines = [
        "- It uses one frame at a time: noise of the points becomes jitter of the joints. Refine or smooth the result.",
        (
            "- The twist of a bone is observable only from points off its axis; without such points the prediction "
            "follows the average of the natural poses. Fingers are not posed."
        ),
        "- Every dancer is assumed to have the mean body's proportions; longer limbs appear straighter or more bent.",
    ]
    if model["facing"]:
        lines.append(
            "- The heading is computed from the left-right axis of the trunk: if that axis is vertical (a cartwheel, "
            "lying on the side) it is ill-defined and may jump."
        )
    if errors:
        points = sorted(errors["by_point_mm"].items(), key=lambda item: -item[1])[:4]
        name, clip = max(errors["by_clip"].items(), key=lambda item: item[1]["worst_frame_mm"])
        listed = ", ".join(f"{point} {value} mm" for point, value in points)
        lines.append(
            f"- Measured: largest errors at {listed}. Worst frame: {name}, frame {clip['worst_frame']}, "
            f"{clip['worst_frame_mm']} mm."
        )
    return "\n".join(lines)


def _agreement(verification: Mapping[str, Any]) -> str:
    worst = verification["max_abs_difference"]
    lines = [
        f"- {provider}: {worst['from_torch_stored_weights'][provider]:.2g} from torch with the stored weights, "
        f"{worst['from_torch_exact_weights'][provider]:.2g} with the weights as trained."
        for provider in worst["from_torch_stored_weights"]
    ]
    intro = "Largest difference of any entry of any rotation matrix, over the clips verified on (weights are float16):"
    return "\n".join([intro, "", *lines])
