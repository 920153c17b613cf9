# SPDX-License-Identifier: Apache-2.0
"""Execution of planned jobs, locally or on a cluster."""
