# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in a thread while the window stays responsive: progress in the status bar, Esc to stop."""

from collections.abc import Callable, Generator
import threading
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import bpy

from ..blender.narrowing import present
from ..core.errors import Cancelled, DancePoseError
from ..core.progress import Progress
from .blender_types import OperatorResult
from .properties import settings_in
from .reading import panel_message
from .text_layout import translate

if TYPE_CHECKING:
    from .character_properties import DANCEPOSE_PG_character
    from .properties import DANCEPOSE_PG_settings, DANCEPOSE_PG_stage

T = TypeVar("T")
Steps: TypeAlias = Generator[tuple[float, str], None, str]
"""Steps of an operator: yields (fraction, message) and returns the report at the end."""

TICK_S = 0.05
STOPPED = "Stopped. Nothing was changed."
NAVIGATION = frozenset(
    {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADPAN", "TRACKPADZOOM", "MOUSEMOVE", "NDOF_MOTION"}
)
"""Events that Blender still handles while an operator runs: they turn the view and change nothing."""


class Task(Generic[T]):
    """A function that runs in a thread. It must not access Blender.

    Attributes:
        fraction: Progress in [0, 1].
        message: What is being done.
    """

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self.fraction, self.message = 0.0, ""
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Progress], T]) -> None:
        try:
            self._results.append(work(self._update))
        except BaseException as error:
            self._error = error

    def _update(self, fraction: float, message: str) -> None:
        if self._stopped.is_set():
            raise Cancelled(STOPPED)
        self.fraction, self.message = fraction, message

    def stop(self) -> None:
        """Ask the function to stop; it does at its next progress update."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait until the function has ended, at most ``seconds``."""
        self._thread.join(seconds)

    @property
    def is_done(self) -> bool:
        """Whether the function has ended, with or without an error."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """Return the result of the function. An error of the function is raised here.

        Raises:
            Cancelled: If the task was stopped.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._stopped.is_set():
            raise Cancelled(STOPPED)
        return self._results[0]


class ModalSteps(bpy.types.Operator):
    """Base of operators that work in steps, between which Blender draws.

    A subclass implements ``steps``, a generator that yields often; Esc closes it. In the background and from scripts
    it runs to its end at once.
    """

    bl_options = {"REGISTER", "UNDO"}

    def steps(self, context: bpy.types.Context) -> Steps:
        """Do the work.

        Args:
            context: Context of the operator.

        Yields:
            Progress in [0, 1] and a message.

        Returns:
            The report shown at the end; empty for none.
        """
        raise NotImplementedError

    def problem_owner(
        self, context: bpy.types.Context
    ) -> "DANCEPOSE_PG_settings | DANCEPOSE_PG_stage | DANCEPOSE_PG_character":
        """Return the property group whose ``problem`` the panel shows: by default the settings of the sidebar."""
        return settings_in(context)

    def warn(self, notice: str) -> None:
        """Show a warning that does not stop the work."""
        self.report({"WARNING"}, notice)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        """Start the work after a click, and continue it with every tick of a timer."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.begin(context)

    def begin(self, context: bpy.types.Context) -> OperatorResult:
        """Start the steps with a timer of the window."""
        owner = self.problem_owner(context)
        owner.problem = ""
        self._owner, self._steps = owner, self.steps(context)
        manager = present(context.window_manager)
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        manager.progress_begin(0.0, 1.0)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorResult:
        """Handle an event while the work is in progress."""
        if event.type == "ESC" and event.value == "PRESS":
            self._steps.close()
            self._end(context)
            self.report({"INFO"}, translate(STOPPED))
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"} if event.type in NAVIGATION else {"RUNNING_MODAL"}
        try:
            fraction, message = next(self._steps)
        except StopIteration as ended:
            self._end(context)
            return self._finish(ended.value)
        except DancePoseError as error:
            self._end(context)
            return self._fail(self._owner, error)
        except BaseException:
            self._end(context)
            raise
        present(context.window_manager).progress_update(fraction)
        status = f"DancePose: {fraction:.0%}  {message}   ({translate('Esc: stop')})"
        present(context.workspace).status_text_set(status)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Run all steps at once, for scripts and Redo."""
        owner = self.problem_owner(context)
        owner.problem = ""
        steps = self.steps(context)
        try:
            while True:
                next(steps)
        except StopIteration as ended:
            return self._finish(ended.value)
        except DancePoseError as error:
            return self._fail(owner, error)

    def _end(self, context: bpy.types.Context) -> None:
        manager = present(context.window_manager)
        manager.event_timer_remove(self._timer)
        manager.progress_end()
        present(context.workspace).status_text_set(None)
        for area in context.screen.areas if context.screen is not None else ():
            area.tag_redraw()

    def _finish(self, report: str) -> OperatorResult:
        if report:
            self.report({"INFO"}, report)
        return {"FINISHED"}

    def _fail(
        self, owner: "DANCEPOSE_PG_settings | DANCEPOSE_PG_stage | DANCEPOSE_PG_character", error: DancePoseError
    ) -> OperatorResult:
        if isinstance(error, Cancelled):
            self.report({"INFO"}, str(error))
            return {"CANCELLED"}
        owner.problem = panel_message(error)
        self.report({"ERROR"}, panel_message(error))
        return {"CANCELLED"}


def wait_for(task: Task[T]) -> Generator[tuple[float, str], None, T]:
    """Wait for a task, in steps for ``yield from``. Closing the generator stops the task.

    Args:
        task: Task to wait for.

    Yields:
        Progress of the task.

    Returns:
        The task's result.
    """
    try:
        while not task.is_done:
            yield task.fraction, task.message
            if bpy.app.background:
                task.wait(TICK_S)
    finally:
        if not task.is_done:
            task.stop()
    return task.result()
