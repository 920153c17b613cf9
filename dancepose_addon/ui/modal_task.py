"""Long work in a thread, while the window stays alive: progress in the status bar, ESC to stop."""

from collections.abc import Callable
import threading
from typing import Any, ClassVar, Generic, TypeVar

import bpy

from ..core.errors import Cancelled, DancePoseError
from ..core.progress import Progress
from .properties import settings_in
from .text_layout import told

T = TypeVar("T")

TICK_S = 0.05


class Task(Generic[T]):
    """Runs ``work(progress)`` in a thread. What it does must not touch Blender."""

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self.fraction, self.message = 0.0, ""
        self._result: T | None = None
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Progress], T]) -> None:
        try:
            self._result = work(self._tell)
        except BaseException as error:
            self._error = error

    def _tell(self, fraction: float, message: str) -> None:
        if self._stopped.is_set():
            raise Cancelled("Stopped. Nothing was changed.")
        self.fraction, self.message = fraction, message

    def stop(self) -> None:
        """Ask it to end; it does at its next word of progress."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Until it has ended, but no longer than that."""
        self._thread.join(seconds)

    @property
    def is_done(self) -> bool:
        """Whether it has ended, one way or another."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """What it made.

        Raises:
            whatever it ended by; Cancelled where it was stopped, however far it had come.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._stopped.is_set():
            raise Cancelled("Stopped. Nothing was changed.")
        return self._result  # type: ignore[return-value]


class ModalSteps:
    """Base of operators that work in steps between which Blender may draw: ``steps`` is a generator of (fraction,
    message) that yields often; ESC ends it. In the background, and from scripts, it runs to its end at once.

    A subclass gives ``steps``.
    """

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}
    report: Any

    def steps(self, context: bpy.types.Context) -> Any:
        """The work: a generator of (fraction, message) that returns what is told at its end."""
        raise NotImplementedError

    def problem_owner(self, context: bpy.types.Context) -> Any:
        """The property group whose ``problem`` the panel shows: by default the settings of the sidebar."""
        return settings_in(context)

    def warn(self, notice: str) -> None:
        """Tell the user something that does not keep the work from being done."""
        self.report({"WARNING"}, notice)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Blender calls this for a click: the work is begun, and goes on with every tick of a timer."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.begin(context)

    def begin(self, context: bpy.types.Context) -> set[str]:
        """Start the steps; a timer of the window takes them on."""
        owner = self.problem_owner(context)
        owner.problem = ""
        self._owner, self._steps = owner, self.steps(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(TICK_S, window=context.window)
        manager.progress_begin(0.0, 1.0)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Blender calls this for every event while the work goes on."""
        if event.type == "ESC" and event.value == "PRESS":
            self._steps.close()
            self._leave(context)
            self.report({"INFO"}, told("Stopped. Nothing was changed."))
            return {"CANCELLED"}
        if event.type != "TIMER":
            # The view may still be turned while one waits; nothing may be changed.
            return {"PASS_THROUGH"} if event.type in NAVIGATION else {"RUNNING_MODAL"}
        try:
            fraction, message = next(self._steps)
        except StopIteration as ended:
            self._leave(context)
            return self._finish(ended.value)
        except DancePoseError as error:
            self._leave(context)
            return self._fail(self._owner, error)
        except BaseException:
            self._leave(context)
            raise
        context.window_manager.progress_update(fraction)
        context.workspace.status_text_set(f"DancePose: {fraction:.0%}  {message}   ({told('Esc: stop')})")
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run at once, as scripts and Redo do."""
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

    def _leave(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        for area in context.screen.areas if context.screen is not None else ():
            area.tag_redraw()

    def _finish(self, told: str | None) -> set[str]:
        if told:
            self.report({"INFO"}, told)
        return {"FINISHED"}

    def _fail(self, owner: Any, error: DancePoseError) -> set[str]:
        if isinstance(error, Cancelled):
            self.report({"INFO"}, str(error))
            return {"CANCELLED"}
        owner.problem = str(error)
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}


NAVIGATION = frozenset(
    {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADPAN", "TRACKPADZOOM", "MOUSEMOVE", "NDOF_MOTION"}
)


def waited_for(task: Task[T]) -> Any:
    """Steps that wait for ``task``, for ``yield from``: they give its result, and stop it where they are closed."""
    try:
        while not task.is_done:
            yield task.fraction, task.message
            if bpy.app.background:
                task.wait(TICK_S)
    finally:
        if not task.is_done:
            task.stop()
    return task.result()
