# SPDX-License-Identifier: Apache-2.0
"""Speed of the regressor on a whole clip, compared with plain matrix products on the same CPU.

    python -m benchmarks.regressor [--model FILE.onnx] [--layout NAME] [--frames N]

Counted are the operations of the network's linear layers, two per weight and frame; everything else that the graph does
(centring, scale, directions, planes, ReLU, rotations) counts as zero. The matrix product has the network's own shape
(1024 x 1024, as many rows as the clip has frames), in NumPy and in onnxruntime, and all variants may use every core.
The last columns are the shares of the faster product's rate, and of the rate of the same library. Rounds of all
variants alternate, and the best of each is taken. Each runs once before it is timed, since threads of the library that
ran before spin for a while (about 20 ms for OpenBLAS).
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
    """Return two operations for every weight of a linear layer."""
    parsed = parse_model(model.read_bytes(), model.name)
    made = {node.outputs[0]: node for node in parsed.nodes}

    def size(name: str) -> int:
        if name in parsed.initialisers:
            return int(parsed.initialisers[name].size)
        node = made[name]
        if node.op == "Reshape":  # weights of one layout, out of the table of all
            return int(np.prod(parsed.initialisers[node.inputs[1]]))
        if node.op != "Cast":
            raise SystemExit(f"{model.name} has a linear layer whose weights are made by {node.op}.")
        return size(node.inputs[0])

    return sum(2 * size(node.inputs[1]) for node in parsed.nodes if node.op == "Gemm")


def matrix_products(frames: int) -> dict[str, Callable[[], object]]:
    """Return the same square product in NumPy and, if installed, in onnxruntime."""
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
    """Return the fastest run of each variant; rounds alternate, with two timed runs each."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, run in contestants.items():
            run()
            for _ in range(2):
                began_s = time.perf_counter()
                run()
                best[name] = min(best[name], time.perf_counter() - began_s)
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
    own = {"NumPy": rates["matrix product, NumPy"], "CPU": rates.get("matrix product, onnxruntime", peak)}
    per_frame = operations_per_frame(arguments.model) / 1e6
    print(f"{arguments.model.name}, {arguments.frames} frames, {per_frame:.2f} MFLOP a frame in linear layers")
    print(f"{'':28s}       time         speed          rate   of the faster product   of the own library's")
    for name, rate in rates.items():
        library = next((f"{100.0 * rate / value:15.1f} %" for key, value in own.items() if f"({key})" in name), "")
        print(
            f"{name:28s} {best[name] * 1e3:8.2f} ms  {arguments.frames / best[name]:6.0f} frames/s  "
            f"{rate / 1e9:5.0f} GFLOP/s {100.0 * rate / peak:15.1f} %        {library}"
        )


if __name__ == "__main__":
    main()
