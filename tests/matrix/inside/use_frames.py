# SPDX-License-Identifier: Apache-2.0
"""Where the dance is looked at."""

FRAMES = [1 + 24 * second for second in (0, 1, 4, 8, 14)]
"""Scene frames at 24 a second on which keys of a clip at 25 a second fall, the first key at frame 1."""
