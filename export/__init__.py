"""Export of a training run to the ONNX file that the add-on runs, with verification and model cards."""
