# SPDX-License-Identifier: Apache-2.0
"""The server that shows the page and stores votes."""
