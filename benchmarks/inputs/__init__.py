# SPDX-License-Identifier: Apache-2.0
"""How inputs are read: the cases of tests/cases and files of today's tools, as they are and in variants."""
