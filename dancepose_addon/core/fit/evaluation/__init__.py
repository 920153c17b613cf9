# SPDX-License-Identifier: Apache-2.0
"""Error metrics, comparison of motions and the fit report."""
