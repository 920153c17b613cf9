# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of dancers in .blend files of earlier and of later releases."""

import json

import pytest

from dancepose_addon.core.errors import InputError

RELEASE_0_1 = (
    '{"source": "examples/waltz", "layout": "md23", "fps": 25.0, "frames": 3, "betas": [0.5, -1.0, 0.0, 0.0, 0.0, '
    '0.0, 0.0, 0.0, 0.0, 0.0], "scale": 1.02, "body": "0123456789abcdef", "body_name": "DancePose default body", '
    '"body_file": "", "first_frame": 1.0, "scene_fps": 24.0, "audio": ["audio.mp3", 2.0, 14.28], "notes": ["a note"], '
    '"report": {"regressor": "md23", "final_error_mm": 11.5}}'
)
"""As release 0.1 stored it, word for word."""


@pytest.fixture
def armature(blender):
    return blender.data.objects.new("Anna", blender.data.armatures.new("Anna"))


def test_a_record_without_a_version_is_read(armature):
    from dancepose_addon.blender.rig.dancer import read_record

    armature["dancepose_record"] = RELEASE_0_1
    record = read_record(armature)
    assert (record.source, record.layout, record.fps, record.frames) == ("examples/waltz", "md23", 25.0, 3)
    assert record.betas[:2] == (0.5, -1.0)
    assert record.audio == ("audio.mp3", 2.0, 14.28)
    assert record.notes == ("a note",)
    assert record.report["final_error_mm"] == 11.5
    # The third key of 25 fps is 2/25 s after the first: 1.92 frames of 24 fps.
    assert record.last_frame == pytest.approx(1.0 + 1.92)


def test_writing_adds_the_version_and_keeps_the_rest(armature):
    from dancepose_addon.blender.rig.dancer import read_record, write_record

    armature["dancepose_record"] = RELEASE_0_1
    record = read_record(armature)
    write_record(armature, record)
    stored = json.loads(armature["dancepose_record"])
    assert stored.pop("version") == 3
    assert stored.pop("hands") == "none"
    assert stored == json.loads(RELEASE_0_1)
    assert read_record(armature) == record


def test_dancers_of_version_2_have_no_fingers(armature):
    from dancepose_addon.blender.rig.dancer import read_record

    armature["dancepose_record"] = json.dumps({"version": 2, **json.loads(RELEASE_0_1)})
    assert read_record(armature).hands == "none"


def test_a_record_of_a_newer_release_is_refused_in_one_sentence(armature):
    from dancepose_addon.blender.rig.dancer import read_record

    armature["dancepose_record"] = json.dumps({"version": 4, "something": "new"})
    with pytest.raises(InputError, match=r"Anna was saved by a newer release of DancePose \(record version 4; .* 3\)"):
        read_record(armature)


@pytest.mark.parametrize("version", ["2", 0, -1, None, True, 1.5])
def test_a_version_that_is_none_is_damage(armature, version):
    from dancepose_addon.blender.rig.dancer import read_record

    armature["dancepose_record"] = json.dumps({**json.loads(RELEASE_0_1), "version": version})
    with pytest.raises(InputError, match="motion record of Anna is damaged"):
        read_record(armature)


@pytest.mark.parametrize("text", ["[]", "3", '{"version": 2}', '{"version": 2, "betas": 1}', "{"])
def test_what_is_no_record_is_damage(armature, text):
    from dancepose_addon.blender.rig.dancer import read_record

    armature["dancepose_record"] = text
    with pytest.raises(InputError, match="damaged"):
        read_record(armature)


def test_every_earlier_version_has_an_upgrade():
    from dancepose_addon.blender.rig.migration import RECORD_VERSION, UPGRADES

    assert sorted(UPGRADES) == list(range(1, RECORD_VERSION))
