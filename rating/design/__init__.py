# SPDX-License-Identifier: Apache-2.0
"""The rating file, the plan and its power."""
