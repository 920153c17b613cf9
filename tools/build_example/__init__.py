"""Writes ``examples/waltz``: a waltz of seven bars, danced and played by code, the project's own work (CC0).

    python -m tools.build_example [--out examples/waltz]

``waltz`` is the choreography as data, ``footwork`` and ``dancer`` turn it into a posed body, ``music`` plays it.
Needs the bpy wheel, whose audio library encodes the music.
"""
