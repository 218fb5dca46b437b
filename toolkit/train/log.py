"""A run's numbers for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from converters.errors import ToolkitError


class Log:
    """Scalars by step in a folder of event files; without a folder, nothing.

    What an earlier run logged beyond the step from which this one goes on is void.
    """

    def __init__(self, folder: Path | None, first: int) -> None:
        self.folder, self.first = folder, first

    def __enter__(self) -> Log:
        if self.folder:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ToolkitError("logs need tensorboard: pip install 'caffe-bridge-toolkit[train]'") from error
            self.writer = SummaryWriter(str(self.folder), purge_step=self.first + 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.folder:
            self.writer.close()

    def write(self, step: int, **numbers: float) -> None:
        """One number each under its name."""
        if self.folder:
            for name, value in numbers.items():
                self.writer.add_scalar(name, value, step)
