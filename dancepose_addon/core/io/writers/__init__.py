# SPDX-License-Identifier: Apache-2.0
"""Writers of motion files, one module per format. All of them replace the file at once (``core/atomic.py``)."""
