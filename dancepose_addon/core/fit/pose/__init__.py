# SPDX-License-Identifier: Apache-2.0
"""Analytic inverse kinematics, joint limits and the Levenberg-Marquardt solver."""
