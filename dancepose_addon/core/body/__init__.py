# SPDX-License-Identifier: Apache-2.0
"""What is posed: rotations, the SMPL-format body, its files, and key-points on it."""
