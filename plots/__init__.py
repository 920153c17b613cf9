# SPDX-License-Identifier: Apache-2.0
"""Drawing of fits, motions and layouts with Matplotlib and Pillow."""
