# SPDX-License-Identifier: Apache-2.0
"""The choreography. Times are beats from the start; three beats per bar, seven bars.

Bar 0 prepares; 1 and 2 are a box step; 3 and 4 turn left by a quarter each; 5 spins on to the front, almost on the
spot; 6 ends in a side lunge. Directions are relative to the dancer: left, up, forward.
"""

from dataclasses import dataclass
from typing import Final

FPS: Final = 25
FRAMES_PER_BEAT: Final = 17
"""0.68 s per beat, 88.2 per minute, so that beats are at frames."""
BEATS_PER_BAR: Final = 3
BARS: Final = 7
FRAMES: Final = BARS * BEATS_PER_BAR * FRAMES_PER_BEAT

FEET_APART_M: Final = 0.17


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        beat: When it lands.
        foot: 1 left, -1 right.
        heading_deg: Heading of the body, in whose frame the next two are measured.
        across_m: Distance outward from the other foot, metres.
        forward_m: Distance forward from the other foot, metres.
        toe_deg: Direction of the foot.
        heel_deg: Heel lift at landing, negative if the heel lands first.
        bow_m: Outward deviation of the path, metres.
    """

    beat: float
    foot: int
    heading_deg: float
    across_m: float
    forward_m: float
    toe_deg: float
    heel_deg: float
    bow_m: float = 0.0


STEPS: Final = (
    Step(3, 1, 0, FEET_APART_M, 0.36, 4, -14),
    Step(4, -1, 0, 0.42, 0.0, -6, 22),
    Step(5, 1, 0, FEET_APART_M, 0.0, 4, 26),
    Step(6, -1, 0, FEET_APART_M, -0.36, -4, 30),
    Step(7, 1, 0, 0.44, 0.0, 6, 22),
    Step(8, -1, 0, FEET_APART_M, 0.0, -4, 26),
    Step(9, 1, 12, FEET_APART_M, 0.34, 38, -14),
    Step(10, -1, 80, 0.44, 0.0, 80, 22, 0.10),
    Step(11, 1, 90, FEET_APART_M, 0.0, 94, 26),
    Step(12, -1, 105, FEET_APART_M, -0.32, 112, 30),
    Step(13, 1, 170, 0.36, 0.0, 178, 22, 0.06),
    Step(14, -1, 180, FEET_APART_M, 0.0, 176, 26),
    Step(15, 1, 205, FEET_APART_M + 0.04, 0.10, 232, 12),
    Step(16, -1, 290, 0.32, -0.04, 292, 20, 0.10),
    Step(17, 1, 350, FEET_APART_M, 0.0, 362, 24, 0.04),
    Step(18, -1, 360, 0.54, 0.0, 336, 10),
)
SWING_BEATS: Final = 0.80

HEADING_DEG: Final = (
    (0, -8), (2.4, 0), (8.4, 0), (9.2, 14), (10.1, 78), (11, 90), (11.6, 90), (12.2, 104), (13.1, 168), (14, 180),
    (14.6, 186), (15.2, 222), (16.1, 296), (17, 350), (18, 362), (19.2, 352), (21, 350),
)  # fmt: skip

# Rise and fall: heels leave the floor towards the second beat and come down at the end of the third.
RISE_IN_BAR: Final = ((0.0, 0.0), (0.4, 0.05), (1.0, 0.7), (1.6, 1.0), (2.1, 0.95), (2.75, 0.1))
LOWER_IN_BAR: Final = ((0.0, 0.9), (0.25, 1.0), (0.8, 0.2), (1.4, 0.0), (2.2, 0.0), (2.8, 0.7))
RISING_BARS: Final = (1, 2, 3, 4, 5)
RISE_HEEL_DEG: Final = 30.0

PREPARE_RISE: Final = ((0, 0.0), (0.8, 0.0), (1.6, 0.45), (2.2, 0.35), (2.8, 0.0))
PREPARE_LOWER: Final = ((0, 0.15), (0.7, 0.35), (1.6, 0.0), (2.2, 0.1), (2.8, 0.7))
END_LOWER: Final = ((18.0, 0.7), (18.5, 1.5), (19.2, 2.2), (20.0, 1.9), (21.0, 1.7))

PREPARE_WEIGHT: Final = ((0, 0.5), (0.9, 0.72), (2.0, 0.1), (2.6, 0.0))
"""Share of the weight on the left foot before the first step."""

# Lateral lean of the spine: away from the moving foot on beats two and three. Positive leans to the right.
LEAN_DEG: Final = (
    (0, 0), (0.9, 4), (2, -4), (3, 0), (4.4, -9), (5.4, -8), (6.2, 0), (7.4, 9), (8.4, 8), (9.2, 0), (10.4, -10),
    (11.4, -8), (12.2, 0), (13.4, 10), (14.4, 7), (15.2, 0), (16.4, -6), (17.4, -2), (18.4, 3), (19.6, -13), (21, -16),
)  # fmt: skip
# Contrary body movement: the shoulders turn towards the foot that steps. Positive turns to the left.
TWIST_DEG: Final = (
    (0, 0), (2, 2), (2.9, -12), (4, 3), (5.4, 0), (5.9, 12), (7, -3), (8.4, 0), (9, -6), (10, 10), (11.3, 0), (12, 10),
    (13, 8), (14.4, -4), (15.1, 14), (16.4, 8), (17.4, -4), (18.4, 4), (19.6, 14), (21, 16),
)  # fmt: skip
# Positive bends forward.
BEND_DEG: Final = (
    (0, 4), (1.6, -5), (2.8, 1), (4.4, -6), (5.7, 1), (7.4, -7), (8.7, 2), (10.4, -8), (11.7, 1), (13.4, -8),
    (14.7, 3), (16, 1), (17.4, -9), (18.5, 1), (19.8, -8), (21, -11),
)  # fmt: skip
# The head against the chest: turn (left positive), nod (down positive). It also leads every turn.
HEAD_TURN_DEG: Final = (
    (0, -6), (1.4, 0), (2.6, 10), (4.2, 22), (5.6, 4), (7.2, -26), (8.6, 0), (10.3, 14), (11.6, 4), (13.3, -20),
    (14.6, 6), (16.2, 20), (17.4, 4), (18.5, -12), (19.8, 26), (21, 30),
)  # fmt: skip
HEAD_NOD_DEG: Final = (
    (0, 14), (1.4, 2), (2.6, -4), (4.2, -8), (5.6, 3), (7.2, -10), (8.6, 4), (10.3, -10), (11.6, 2), (13.3, -10),
    (14.6, 5), (16, 2), (17.4, -12), (18.5, 3), (19.8, -12), (21, -14),
)  # fmt: skip

Arm = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Position of the hand relative to the shoulder, in arm lengths (outward, up, forward), and direction of the elbow."""
LOW: Final[Arm] = ((0.14, -0.93, 0.18), (0.6, -0.1, -0.8))
FRONT: Final[Arm] = ((-0.04, -0.42, 0.62), (1.0, -0.35, -0.1))
FRONT_HIGH: Final[Arm] = ((-0.02, 0.10, 0.62), (1.0, -0.25, 0.0))
SIDE: Final[Arm] = ((0.93, -0.06, 0.22), (0.1, -0.75, -0.55))
SIDE_LOW: Final[Arm] = ((0.66, -0.60, 0.30), (0.5, -0.25, -0.8))
RISING: Final[Arm] = ((0.14, 0.50, 0.66), (1.0, -0.3, 0.0))
OVERHEAD: Final[Arm] = ((0.10, 0.84, 0.22), (0.95, 0.1, -0.3))
DIAGONAL: Final[Arm] = ((0.64, 0.66, 0.22), (0.55, -0.3, -0.75))
FORWARD: Final[Arm] = ((0.22, 0.16, 0.88), (0.7, -0.7, -0.1))
BEHIND: Final[Arm] = ((0.72, -0.46, -0.34), (0.2, -0.2, -1.0))

LEFT_ARM: Final[tuple[tuple[float, Arm], ...]] = (
    (0, LOW), (0.5, LOW), (1.4, FRONT), (2.6, SIDE), (4.3, FORWARD), (5.6, SIDE_LOW), (7.3, SIDE), (8.7, FRONT),
    (9.6, RISING), (10.4, OVERHEAD), (11.7, SIDE), (13.4, SIDE_LOW), (14.6, SIDE), (15.5, FRONT), (16.5, FRONT_HIGH),
    (17.0, RISING), (17.5, OVERHEAD), (18.5, SIDE), (19.8, DIAGONAL), (21, DIAGONAL),
)  # fmt: skip
RIGHT_ARM: Final[tuple[tuple[float, Arm], ...]] = (
    (0, LOW), (0.5, LOW), (1.5, FRONT), (2.7, SIDE), (4.3, SIDE), (5.6, SIDE_LOW), (7.3, DIAGONAL), (8.7, FRONT),
    (10.4, SIDE), (11.7, SIDE_LOW), (13.4, OVERHEAD), (14.6, SIDE), (15.5, FRONT), (16.5, FRONT_HIGH),
    (17.0, RISING), (17.5, OVERHEAD), (18.5, SIDE), (19.8, BEHIND), (21, BEHIND),
)  # fmt: skip
