# SPDX-License-Identifier: Apache-2.0
"""The ``dancepose`` command: one thin module per verb; nothing else imports it."""
