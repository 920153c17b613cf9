"""From a training run to the file that the add-on runs: ONNX, checked against torch, with its model card."""
