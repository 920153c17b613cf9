# SPDX-License-Identifier: Apache-2.0
"""The study file and the plan of jobs derived from it."""
