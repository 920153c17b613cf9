# SPDX-License-Identifier: Apache-2.0
"""What the tests of the fast engine share."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import EngineError

SIZE = (96, 160)


@pytest.fixture(scope="session")
def context():
    pytest.importorskip("moderngl")
    from dancepose.raster.gl_context import open_context

    try:
        return open_context()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def standing(body) -> BodyMotion:
    """Half a second in the T-pose, with the lowest vertex on the floor."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (15, 24, 3, 3)).copy()
    lift = np.array([0.0, -body.v_template_m[:, 1].min(), 0.0], np.float32)
    motion = BodyMotion(pose, np.broadcast_to(lift, (15, 3)).copy(), np.zeros(10, np.float32), 1.0, 30.0)
    return replace(motion)


@pytest.fixture(scope="session")
def shot(body, standing):
    from dancepose_addon.core.camera_framing import frame_motions

    return frame_motions([(body, standing)], aspect=SIZE[0] / SIZE[1])
