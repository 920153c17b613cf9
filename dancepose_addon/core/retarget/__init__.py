# SPDX-License-Identifier: Apache-2.0
"""Transfer of an SMPL motion to the skeleton of any humanoid character."""
