# SPDX-License-Identifier: Apache-2.0
"""Packing a rating: anonymous films and the page, as a folder, a zip and a JATOS archive."""
