# SPDX-License-Identifier: Apache-2.0
"""Export of a training run to the ONNX file that the add-on runs, with verification and model cards."""
