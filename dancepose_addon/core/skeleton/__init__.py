# SPDX-License-Identifier: Apache-2.0
"""What came in: layouts, sequences, axes and the readers of files."""
