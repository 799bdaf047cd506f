"""Phases recorded once as CUDA graphs, and replayed."""

import abc
import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import Noise

__all__ = ["CudaGraphs", "GraphRecorder", "ReplayedPhase"]

WARM_UP = 3
"""Steps of a phase that run normally before it is recorded; in these, optimisers create their state, for example."""

Work = Callable[[], None]


class GraphRecorder(abc.ABC):
    """Records a function's work on the device."""

    @abc.abstractmethod
    def warm_up(self, work: Work) -> None:
        """Runs the function once, so that one-time initialisation happens before recording."""

    @abc.abstractmethod
    def record(self, work: Work) -> Work:
        """Records the function's work without executing it; returns a function that executes it, on the same memory."""


class CudaGraphs(GraphRecorder):
    """Records CUDA graphs (docs.pytorch.org/docs/stable/notes/cuda.html, CUDA Graphs).

    Modules that draw from torch's global generator draw new numbers in every replay, according to its seed at that
    time: torch makes the generator's state an input of the graph.

    Args:
        device: A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, work: Work) -> None:
        """Runs the function on the stream on which it will be recorded."""
        current = torch.cuda.current_stream(self.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # Capturable optimisers warn outside a recording; here the warning would be wrong, as recording follows.
            warnings.filterwarnings("ignore", message=".*capturable")
            work()
        current.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """Records a graph with its own memory."""
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: a data loader's thread pins memory.
        capture = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        with torch.cuda.device(self.device), capture:
            work()

        def replay() -> None:
            graph.replay()

        return replay


class ReplayedPhase:
    """A phase's work: executed normally for a few steps, then recorded, and replayed from then on.

    The recording reads inputs from, and writes results to, fixed memory. Inputs are therefore copied to that memory,
    and every tensor that outlives a step must be written in place, never replaced; `check` compares `held` to verify
    this. Python values (numbers, decisions) stay as they were during the recording.

    Args:
        name: The phase's name.
        recorder: Records the phase's work.
        work: The phase's function of images and noise.
        held: Returns all tensors that outlive a step, by name.
    """

    def __init__(
        self,
        name: str,
        recorder: GraphRecorder,
        work: Callable[[Tensor, Noise], None],
        held: Callable[[], Mapping[str, Tensor]],
    ) -> None:
        self.name = name
        self._recorder = recorder
        self._work = work
        self._held = held
        self._runs = 0
        self._inputs: dict[str, Tensor] = {}
        self._recorded: dict[str, Tensor] = {}
        self._replay: Work | None = None

    def __call__(self, images: Tensor, noise: Noise) -> None:
        """Does the phase's work once.

        Raises:
            ConfigurationError: The work cannot be recorded.
        """
        if self._runs < WARM_UP:
            self._runs += 1
            self._recorder.warm_up(lambda: self._work(images, noise))
            return
        inputs = {"images": images, **{f"noise {name}": value for name, value in noise.items()}}
        if self._replay is None:
            self._inputs = {name: value.clone() for name, value in inputs.items()}
            self._replay = self._record(noise)
        else:
            for name, value in inputs.items():
                mine = self._inputs[name]
                assert mine.shape == value.shape, f"{name}: shape {tuple(value.shape)} after {tuple(mine.shape)}"
                mine.copy_(value)
        self._replay()

    def _record(self, noise: Noise) -> Work:
        images, kept = self._inputs["images"], {name: self._inputs[f"noise {name}"] for name in noise}
        # Kept alive from here on, so that no other tensor gets the same memory and is mistaken for this one.
        self._recorded = {name: tensor.detach() for name, tensor in self._held().items()}
        try:
            replay = self._recorder.record(lambda: self._work(images, kept))
        except (RuntimeError, PluginError) as error:
            # When an operation cannot be recorded, torch ends the recording with its own error.
            behind: BaseException | None = error if isinstance(error, PluginError) else error.__context__
            if isinstance(behind, PluginError):
                behind = behind.__cause__
            if isinstance(error, PluginError) and not isinstance(behind, RuntimeError):
                raise
            cause = behind if isinstance(behind, RuntimeError) else error
            reason = next(iter(str(cause).splitlines()), "")
            raise ConfigurationError(
                f"--cuda-graphs: the phase {self.name} cannot be recorded ({reason}): one of its components waits for "
                "the device, or does something else that depends on values; use --no-cuda-graphs"
            ) from error
        # New tensors were created by the recording: every replay would reset them to their first value.
        self._refuse_moved(self._held())
        return replay

    def check(self) -> None:
        """Checks that the tensors that outlive a step are still the recorded ones.

        Raises:
            ConfigurationError: A tensor has been replaced, so the recording writes to memory that is no longer used.
        """
        held = self._held()
        self._refuse_moved({name: held[name] for name in self._recorded if name in held})

    def _refuse_moved(self, now: Mapping[str, Tensor]) -> None:
        for name in {**self._recorded, **now}:
            before, after = self._recorded.get(name), now.get(name)
            if before is None or after is None or before.data_ptr() != after.data_ptr():
                raise ConfigurationError(
                    f"--cuda-graphs: {name} was made or replaced after the warm-up of the phase {self.name}; a "
                    "component must write into its tensors (copy_) instead; mend it, or use --no-cuda-graphs"
                )
