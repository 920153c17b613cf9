# SPDX-License-Identifier: Apache-2.0
"""The body model, P_3d and rotations in torch."""
