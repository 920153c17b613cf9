# SPDX-License-Identifier: Apache-2.0
"""Motion in and out: any file as a Sequence or, where it holds theta, as a BodyMotion; and files to write."""
