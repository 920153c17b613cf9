# SPDX-License-Identifier: Apache-2.0
"""Tables, figures and texts of an analysis."""
