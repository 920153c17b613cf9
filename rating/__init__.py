# SPDX-License-Identifier: Apache-2.0
"""User ratings: from rendered clips to votes and their statistics."""
