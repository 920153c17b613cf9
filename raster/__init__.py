# SPDX-License-Identifier: Apache-2.0
"""The fast render engine: the stage and the body drawn with OpenGL, on a GPU or by Mesa's software renderer."""
