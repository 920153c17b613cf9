# SPDX-License-Identifier: Apache-2.0
"""Build-time tool for `dancepose_addon/assets/figures.npz`: clothes, face and hair of the default body.

The default body keeps its vertices, betas and joints. A figure is a second surface for pictures. Each of its vertices
is fixed to one triangle of the body by barycentric weights and an offset, so that it follows every pose and shape.

    layer      a part of the surface: pieces cut from the body, subdivided, displaced, with rims
    garments   sweatshirt and trousers
    shoes      trainers with a sole
    face       eyelids, lashes, brows, lips
    hair       hair with volume and a natural edge
    presets    neutral, female and male
    __main__   `python -m tools.build_figures --out dancepose_addon/assets/figures.npz`

It needs NumPy and SciPy and reads `body.npz` only.
"""
