# SPDX-License-Identifier: Apache-2.0
"""``dancepose doctor`` in a real Blender, and without one."""

import numpy as np


def test_it_says_what_works(run_bpy, tmp_path):
    (tmp_path / "md23.onnx").write_bytes(b"no model")
    told = run_bpy("-m", "dancepose.cli.main", "doctor", "--regressors", tmp_path, timeout=240)
    lines = {line[5:19].strip(): line for line in told.stdout.splitlines()}
    assert lines["NumPy"] == f"ok   NumPy          {np.__version__}", told.stderr
    assert lines["workbench"].startswith("ok")
    assert not lines["eevee"].startswith("BAD")  # it needs a GPU, which no other engine does
    assert lines["on NumPy"].startswith("ok")
    assert lines["own regressors"].startswith("BAD")
    assert "md23.onnx" in lines["own regressors"]
    assert told.returncode == 1  # since a regressor is damaged


def test_a_blender_that_is_none_is_one_sentence(run_python, tmp_path):
    told = run_python("-m", "dancepose.cli.main", "doctor", "--blender", tmp_path / "blender")
    assert told.returncode == 1
    assert "not a program" in told.stderr.replace("\n", " ")
    assert "Traceback" not in told.stderr
