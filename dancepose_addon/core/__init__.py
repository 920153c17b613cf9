# SPDX-License-Identifier: Apache-2.0
"""The numerical core: NumPy and the standard library, nothing else.

What came in is ``skeleton``, what is posed is ``body``, how the one becomes the other is ``fit``.
Inside, everything is in metres, radians and seconds, in SMPL's axes (y up, the body faces +z, its left is +x).
"""
