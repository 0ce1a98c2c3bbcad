"""Progress on a terminal: the stage, a bar, and nothing that scrolls; silent where nobody watches."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from agent.language import show
from agent.texts import Message


class Watch:
    """A `agent.survey.Progress` that draws on a console while it is open."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._console = console
        self._task: TaskID | None = None

    def __enter__(self) -> Watch:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        self._bars.stop()

    def stage(self, name: Message, total: int | None) -> None:
        """A stage begins; on something that is no terminal, one line says so."""
        self._finish()
        if self._console.is_terminal:
            self._task = self._bars.add_task(show(name), total=total)
        else:
            self._console.print(f"{show(name)} …" if total is None else f"{show(name)} ({total}) …", markup=False)

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
        if self._task is not None:
            self._bars.advance(self._task, count)

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._task)]
            self._bars.update(self._task, total=task.total or 1, completed=task.total or 1)
            self._task = None
