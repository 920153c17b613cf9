# SPDX-License-Identifier: Apache-2.0
"""Running a regressor's graph with NumPy alone.

What depends on the weights alone is computed once, when the session is made; what needs the whole clip (its scale) is
computed for the whole clip; all else goes through in batches of frames that stay in the processor's cache, so that a
long clip needs little memory. Values are dropped after their last use, and their memory is written to again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.bounded_files import brief
from ..core.errors import RegressorError
from ..core.printable_text import quoted, shown_name
from .graph_limits import MAX_NODES, MAX_NUMBERS, MAX_PRODUCTS, SPARE_NUMBERS, WorkBudget
from .numpy_operators import BINARY, OPERATORS, UNARY, VIEWS, gemm
from .onnx_file import Array, Node, OnnxModel

BATCH: Final = 512
"""Frames at a time: 2 MB of 1024 float32 features."""
PROBED_FRAMES: Final = 4
"""Made-up frames on which it is tried whether a graph can be run in batches."""
TRIED_COUNTS: Final = (1, 2, 3)
"""Frames of the trials that measure a graph: their differences show whether memory grows with the square."""


class NumpySession:
    """A graph ready to run.

    Args:
        model: The graph.
        source: Name of the file, for messages.
        fixed: Inputs that are the same in each call; what follows from them alone is computed once.

    Raises:
        RegressorError: The graph holds an operator that is not known here.
    """

    def __init__(self, model: OnnxModel, source: str, fixed: Mapping[str, Array] = MappingProxyType({})) -> None:
        self._source = source
        require_operators(model, source, inputs=1 + len(fixed))
        self._output = model.outputs[0]
        self._input = model.inputs[0]
        self._constants: dict[str, Array] = {**model.initialisers, **fixed}
        self._budget: WorkBudget | None = WorkBudget()
        self._measured = 0
        remaining = []
        for node in model.nodes:
            if all(name in self._constants for name in node.inputs if name):
                self._constants[node.outputs[0]] = self._result(node, [self._constants[n] for n in node.inputs if n])
            else:
                remaining.append(node)
        self._all_nodes = remaining
        self._nodes = _needed(remaining, {self._output})
        self._whole = _steps(self._nodes, {self._output})
        self._batches: _Batches | None = None
        self._tried = False
        self._weight_numbers = MAX_NUMBERS - self._budget.numbers
        self._budget = None

    def require_bounded(self, shape: Sequence[int]) -> None:
        """Try the graph on a few frames, and bound later calls by what they took.

        Args:
            shape: Of one frame, (K, 3).

        Raises:
            RegressorError: The graph needs too much memory or time, or its need grows faster than the frames.
        """
        spent = []
        # Also the nodes that nothing needs: other runtimes may run them.
        steps = _steps(self._all_nodes, {self._output})
        for count in TRIED_COUNTS:
            numbers = MAX_NUMBERS - self._weight_numbers
            self._budget = WorkBudget(numbers)
            points = np.random.default_rng(0).uniform(-1.0, 1.0, (count, *shape)).astype(np.float32)
            try:
                self._run(steps, {self._input: points}, {})
            except KeyError as error:
                raise RegressorError(
                    f"{self._source} has a graph that cannot be run: nothing computes {quoted(str(error))}. "
                    "Export it again with `dancepose export`."
                ) from error
            spent.append(numbers - self._budget.numbers)
        self._budget = None
        if spent[2] - spent[1] > spent[1] - spent[0]:
            raise RegressorError(
                f"{self._source} has a graph whose memory grows faster than the number of frames, which no regressor "
                "needs. Export it again with `dancepose export`."
            )
        self._measured = spent[0]

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the graph on keypoints (T, K, 3), metres, and return its output with T as the first axis."""
        if self._measured:
            # The trials for batches are counted as well.
            frames = len(keypoints_m) + 4 * PROBED_FRAMES
            self._budget = WorkBudget((self._measured + SPARE_NUMBERS) * frames, MAX_PRODUCTS * frames)
        batches = self._in_batches(keypoints_m.shape[1:]) if len(keypoints_m) > BATCH else None
        if batches is None:
            values = self._run(self._whole, {self._input: keypoints_m}, {})
            return np.asarray(values[self._output], np.float32, order="C")
        return self._run_batches(batches, keypoints_m, BATCH)

    def _run_batches(self, batches: "_Batches", keypoints_m: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        values = self._run(batches.clip_steps, {self._input: keypoints_m}, {})
        shared = {name: values[name] for name in batches.shared}
        spare: _Spare = {}
        result: NDArray[np.float32] | None = None
        for first in range(0, len(keypoints_m), size):
            chunk = slice(first, first + size)
            found = self._run(batches.frame_steps, {**shared, self._input: keypoints_m[chunk]}, spare)[self._output]
            if result is None:
                result = np.empty((len(keypoints_m), *found.shape[1:]), np.float32)
            result[chunk] = found
        assert result is not None
        return result

    def _in_batches(self, shape: Sequence[int]) -> "_Batches | None":
        """Find out how to run in batches of frames; None where that does not give the result of the whole clip.

        It is tried on random frames, since a graph may have its frames along any axis: a value that is twice as large
        for twice the frames belongs to the frames, any other to the clip.
        """
        if self._tried:
            return self._batches
        points = np.random.default_rng(0).uniform(-1.0, 1.0, (PROBED_FRAMES, *shape)).astype(np.float32)
        steps = [_Step(node) for node in self._nodes]
        try:
            whole, half = (
                self._run(steps, {self._input: shown}, {}) for shown in (points, points[: PROBED_FRAMES // 2])
            )
            grown = {name for name, value in whole.items() if value.size == 2 * half[name].size > 0}
            frame_nodes = _needed([node for node in self._nodes if node.outputs[0] in grown], {self._output})
            shared = {name for node in frame_nodes for name in node.inputs} - grown - set(self._constants) - {""}
            clip_nodes = _needed(self._nodes, shared)
            batches = _Batches(tuple(sorted(shared)), _steps(clip_nodes, shared), _steps(frame_nodes, {self._output}))
            found = self._run_batches(batches, points, PROBED_FRAMES // 2)
            if self._output in grown and np.allclose(found, whole[self._output], rtol=1e-4, atol=1e-5, equal_nan=True):
                self._batches = batches
        except (RegressorError, ValueError, KeyError):
            pass  # Whatever is wrong, the whole clip is to say it.
        self._tried = True
        return self._batches

    def _run(self, steps: Iterable["_Step"], given: Mapping[str, Array], spare: "_Spare") -> dict[str, Array]:
        """Run steps, and return the values that are left."""
        values = dict(given)
        constants = self._constants
        for step in steps:
            inputs = [values[name] if name in values else constants[name] for name in step.node.inputs if name]
            values[step.node.outputs[0]] = self._result(step.node, inputs, step.reused, spare)
            for name in step.freed:
                spare.setdefault(values[name].shape, []).append(values[name])
            for name in step.dropped:
                del values[name]
        return values

    def _result(self, node: Node, inputs: list[Array], reused: int = -1, spare: "_Spare | None" = None) -> Array:
        try:
            if self._budget is not None:
                self._budget.charge(node, inputs)
            if reused >= 0 and _fits(inputs, reused):
                function = np.maximum if node.op == "Relu" else (UNARY.get(node.op) or BINARY[node.op])
                operands = [*inputs, np.float32(0.0)] if node.op == "Relu" else inputs
                return np.asarray(function(*operands, out=inputs[reused]))
            if node.op == "Gemm":
                return gemm(inputs, node.attributes, _spare_memory(inputs, node, spare))
            return OPERATORS[node.op](inputs, node.attributes)
        except (ValueError, TypeError, IndexError, KeyError, MemoryError, AttributeError, OverflowError) as error:
            raise RegressorError(
                f"{self._source} has a graph that cannot be run: {node.op} ({quoted(node.outputs[0])}) failed with "
                f"{brief(error)}. "
                "Export it again with `dancepose export`."
            ) from error


_Spare = dict[tuple[int, ...], list[Array]]
"""Arrays that are not needed any more, by shape."""


@dataclass(frozen=True)
class _Step:
    """A node, and what is done with memory after it.

    Attributes:
        node: The operation.
        dropped: Values that are not needed after it.
        freed: Those of them that own their memory.
        reused: Index of an input that is not needed any more and that the result may be written over, or -1.
    """

    node: Node
    dropped: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()
    reused: int = -1


@dataclass(frozen=True)
class _Batches:
    """Steps for a clip and for its batches.

    Attributes:
        shared: Values of the whole clip.
        clip_steps: Steps that compute them.
        frame_steps: Steps that compute the output of some frames.
    """

    shared: tuple[str, ...]
    clip_steps: tuple[_Step, ...]
    frame_steps: tuple[_Step, ...]


def require_operators(model: OnnxModel, source: str, *, inputs: int = 1) -> None:
    """Refuse a graph that could not run everywhere, whatever runs it today.

    Args:
        model: The graph.
        source: Name of the file, for messages.
        inputs: Number of inputs that it should have.

    Raises:
        RegressorError: It holds an operator that is not known here, too many of them, or has another number of inputs
            or outputs.
    """
    if len(model.nodes) > MAX_NODES:
        raise RegressorError(
            f"{source} has {len(model.nodes)} operations; a regressor has at most {MAX_NODES} (limit)."
        )
    unknown = sorted({node.op for node in model.nodes} - set(OPERATORS))
    if unknown:
        raise RegressorError(
            f"{source} uses the operator{'s' if len(unknown) > 1 else ''} {', '.join(map(shown_name, unknown[:8]))}, "
            f"which a regressor may not hold (known: {', '.join(sorted(OPERATORS))}). Export it with `dancepose "
            "export`."
        )
    if len(model.inputs) != inputs or len(model.outputs) != 1 or any(len(node.outputs) != 1 for node in model.nodes):
        raise RegressorError(
            f"{source} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; a regressor like this has "
            f"{inputs} and 1. "
            "Export it with `dancepose export`."
        )


def _needed(nodes: Sequence[Node], wanted: Iterable[str]) -> list[Node]:
    """Return the nodes, in their order, that the wanted values depend on."""
    missing, chosen = set(wanted), []
    for node in reversed(nodes):
        if node.outputs[0] in missing:
            missing.update(node.inputs)
            chosen.append(node)
    return chosen[::-1]


def _steps(nodes: Sequence[Node], wanted: Iterable[str]) -> tuple[_Step, ...]:
    """Return nodes with what may be dropped after each; the wanted values are kept to the end."""
    owner = _owners(nodes, {})
    last = _last_uses(nodes, owner, wanted)
    reused = {}
    for index, node in enumerate(nodes):
        if node.op in UNARY or node.op in BINARY or node.op == "Relu":
            # Memory that came from outside has no owner here, and is never written to.
            places = (k for k, name in enumerate(node.inputs) if owner.get(name) and last[owner[name]] == index)
            reused[index] = next(places, -1)
    owner = _owners(nodes, reused)
    last = _last_uses(nodes, owner, wanted)
    steps = []
    for index, node in enumerate(nodes):
        freed = {name for name in owner if last.get(name) == index}
        dropped = tuple(name for name in owner if owner[name] in freed)
        steps.append(_Step(node, dropped, tuple(freed), reused.get(index, -1)))
    return tuple(steps)


def _owners(nodes: Sequence[Node], reused: Mapping[int, int]) -> dict[str, str]:
    """Return which value owns the memory of each value.

    Args:
        nodes: In their order.
        reused: Which input a node's result is written over, or -1.

    Returns:
        The owner by value: another value for a view of it or a result written over it, "" for a view of an input.
    """
    owner: dict[str, str] = {}
    for index, node in enumerate(nodes):
        name, place = node.outputs[0], 0 if node.op in VIEWS else reused.get(index, -1)
        owner[name] = name if place < 0 else owner.get(node.inputs[place], "")
    return owner


def _last_uses(nodes: Sequence[Node], owner: Mapping[str, str], wanted: Iterable[str]) -> dict[str, int]:
    """Return after which node the memory of each owner is free; wanted values are never free."""
    last: dict[str, int] = {}
    for index, node in enumerate(nodes):
        last.update({owner[name]: index for name in (*node.inputs, *node.outputs) if owner.get(name)})
    last.update({owner[name]: len(nodes) for name in wanted if owner.get(name)})
    return last


def _fits(inputs: Sequence[Array], place: int) -> bool:
    """Return whether a result has the shape and the type of one of its inputs."""
    target = inputs[place]
    same_type = all(value.dtype == np.float32 for value in inputs)
    return same_type and (len(inputs) == 1 or np.broadcast(*inputs).shape == target.shape)


def _spare_memory(inputs: Sequence[Array], node: Node, spare: _Spare | None) -> Array | None:
    """Return memory for a product that is not needed any more, or None."""
    if not spare or any(value.ndim != 2 or value.dtype != np.float32 for value in inputs[:2]):
        return None
    rows = inputs[0].shape[1 if node.attributes.get("transA") else 0]
    columns = inputs[1].shape[0 if node.attributes.get("transB") else 1]
    free = spare.get((rows, columns))
    return free.pop() if free else None
