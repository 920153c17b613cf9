# SPDX-License-Identifier: Apache-2.0
"""Write ``examples/waltz``, seven bars of a waltz with music, and ``examples/duet``, a turning waltz for two (CC0).

    python -m tools.build_example [--out examples]

``waltz`` defines the choreography, ``footwork`` and ``waltz_dancer`` turn it into a posed body, ``music`` plays it.
``couple`` poses two dancers in closed hold.
Needs the bpy wheel, whose audio library encodes the music.
"""
