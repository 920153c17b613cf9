"""Analytic inverse kinematics, joint limits and the Levenberg-Marquardt solver."""
