"""A whole clip through the regressor, beside what the processor does in plain matrix products.

    python -m benchmarks.regressor [--model FILE.onnx] [--layout NAME] [--frames N]

Operations are counted from the weights of the graph's Gemm nodes alone (two per weight and frame); all else that the
graph does (normalisation, a first layer that is chosen by layout, ReLU, rotations) counts as nothing done. The product
that it is held against has the network's own shape (1024 x 1024, as many rows as the clip has frames), in NumPy and in
onnxruntime, of which the faster counts. Rounds of all contestants alternate, and the best round of each is taken.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
import time

import numpy as np

from dancepose_addon.inference import open_regressor
from dancepose_addon.inference.onnx_file import parse_model
from dancepose_addon.inference.regressors import REGRESSOR_FOLDER, SHARED_FILE


def operations_per_frame(model: Path) -> int:
    """Two for every weight of a linear layer."""
    parsed = parse_model(model.read_bytes(), model.name)
    cast = {node.outputs[0]: node.inputs[0] for node in parsed.nodes if node.op == "Cast"}
    weights = [cast.get(node.inputs[1], node.inputs[1]) for node in parsed.nodes if node.op == "Gemm"]
    return sum(2 * parsed.initialisers[name].size for name in weights if name in parsed.initialisers)


def matrix_products(frames: int) -> dict[str, Callable[[], object]]:
    """The same square product in NumPy and, where it is installed, in onnxruntime."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(frames, 1024)).astype(np.float32)
    square = random.normal(size=(1024, 1024)).astype(np.float32)
    contestants: dict[str, Callable[[], object]] = {"matrix product, NumPy": lambda: rows @ square}
    try:
        from onnx import TensorProto, helper, numpy_helper
        import onnxruntime
    except ImportError:
        return contestants
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1024])],
        [numpy_helper.from_array(square, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    contestants["matrix product, onnxruntime"] = lambda: session.run(None, {"x": rows})
    return contestants


def best_seconds(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The fastest round of each, rounds alternating."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, run in contestants.items():
            begun = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REGRESSOR_FOLDER / SHARED_FILE)
    parser.add_argument("--layout", default="md23")
    parser.add_argument("--frames", type=int, default=1890)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    regressors = {
        device: open_regressor(arguments.model, layout=arguments.layout, device=device) for device in ("cpu", "numpy")
    }
    count = regressors["cpu"].info.layout.count
    points = np.random.default_rng(1).uniform(-1.0, 1.0, (arguments.frames, count, 3)).astype(np.float32)
    products = matrix_products(arguments.frames)
    contestants = dict(products)
    for device, regressor in regressors.items():
        contestants[f"regressor, {device} ({regressor.provider})"] = partial(regressor, points)
    best = best_seconds(contestants, arguments.rounds)
    square = 2.0 * 1024 * 1024
    rates = {
        name: arguments.frames * (square if name in products else operations_per_frame(arguments.model)) / seconds
        for name, seconds in best.items()
    }
    peak = max(rates[name] for name in products)
    per_frame = operations_per_frame(arguments.model) / 1e6
    print(f"{arguments.model.name}, {arguments.frames} frames, {per_frame:.2f} MFLOP a frame in linear layers")
    for name, rate in rates.items():
        print(
            f"{name:28s} {best[name] * 1e3:8.2f} ms  {arguments.frames / best[name]:9.0f} frames/s  "
            f"{rate / 1e9:7.1f} GFLOP/s  {100.0 * rate / peak:5.1f} %"
        )


if __name__ == "__main__":
    main()
