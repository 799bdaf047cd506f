"""The engine: takes the phases' moves one by one and trains each move's player."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from priorkit.distributed.processes import Processes
from priorkit.engine.cuda_graphs import GraphRecorder, ReplayedPhase
from priorkit.engine.first_fault import FirstFault
from priorkit.engine.hardware import Precision
from priorkit.engine.kept_numbers import whole_number
from priorkit.engine.optimizer_states import restore_optimizer
from priorkit.engine.randomness import seed_for, seed_global_generators
from priorkit.engine.skipped_moves import SkippedMoves
from priorkit.interfaces import Move, Noise, Phase

__all__ = ["Engine"]


class Engine:
    """Alternates phases over batches of images.

    Args:
        networks: The networks that are trained, by name, on one device.
        optimizers: One optimiser for each network, by the same names. Phases that train a network share it.
        phases: The phases of a step, in order, until `set_phases` is called.
        precision: The precision of computations.
        seed: Seed of the noise.
        clip_norm: Bound on the norm of each network's gradient, or None.
        simultaneous: Compute all of a phase's losses first, then update all its players (Algorithm 1 as printed),
            instead of one move at a time.
        processes: The processes that train together; None for this process alone.
        recorder: Records the work of every phase for replay; None to run phases normally.
        skips_faults: Skip the update of a move whose losses or gradients are not finite. This waits for the device.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, Optimizer],
        phases: Sequence[Phase],
        *,
        precision: Precision,
        seed: int,
        clip_norm: float | None = None,
        simultaneous: bool = False,
        processes: Processes | None = None,
        recorder: GraphRecorder | None = None,
        skips_faults: bool = False,
    ) -> None:
        self.networks = dict(networks)
        self.optimizers = dict(optimizers)
        self.precision = precision
        self.seed = seed
        self.clip_norm = clip_norm
        self.simultaneous = simultaneous
        self.processes = processes or Processes()
        # Each process needs different dropout masks; the main process has those of a run with one process.
        self._modules = "modules" if self.processes.is_main else f"modules of process {self.processes.rank}"
        self.recorder = recorder
        self.steps = 0
        self.images_seen = 0
        # The meta device, which computes shapes only, has no generators; the CPU's replaces it.
        self._generator = torch.Generator("cpu" if precision.device.type == "meta" else precision.device)
        self._fault = FirstFault(precision.device)
        self._skipped = SkippedMoves(self.networks) if skips_faults else None
        self._loss_sums: dict[str, Tensor] = {}
        self._loss_counts: dict[str, int] = {}
        self._terms: dict[str, list[str]] = {}
        self._replayed: dict[str, ReplayedPhase] = {}
        self._parameters = {
            name: [weight for weight in network.parameters() if weight.requires_grad]
            for name, network in self.networks.items()
        }
        self.phases: list[Phase] = []
        self.set_phases(phases)

    def set_phases(self, phases: Sequence[Phase]) -> None:
        """Sets the phases of the following steps, and discards recordings of earlier phases."""
        for phase in phases:
            for player, names in phase.players.items():
                missing = set(names) - set(self.networks)
                assert not missing, f"phase {phase.name!r}: player {player!r} trains unknown networks {missing}"
        self.phases = list(phases)
        self._replayed.clear()

    def step(
        self, images: Tensor, batch_size: int | None = None, conditions: Mapping[str, Tensor] | None = None
    ) -> None:
        """Runs every phase that is due on one batch.

        Args:
            images: Shape (N, C, H, W), values in [-1, 1], on the engine's device. If several processes train together,
                this process's share of the batch.
            batch_size: Images in the whole batch; None for N.
            conditions: If the condition comes from the data: s of the images, as `condition`, and of other images, as
                `mismatched` and `interpolated`, first dimension N. They are added to the phases' noise.
        """
        assert batch_size is not None or self.processes.count == 1, (
            "the images are a part of the batch: how large is it?"
        )
        batch_size = batch_size or len(images)
        # This process's fraction of the batch; all fractions add up to 1.
        part = len(images) / batch_size
        # Modules such as dropout draw from torch's global generators, which are therefore also seeded by position.
        seed_global_generators(seed_for(self.seed, self._modules, self.images_seen), self.precision.device)
        self._fault.begin_step(self.steps + 1)
        if self._skipped is not None:
            self._skipped.begin_step()
        for phase in self.phases:
            if self.steps % phase.every == 0:
                self._generator.manual_seed(seed_for(self.seed, phase.name, self.images_seen))
                noise = {**self._noise(phase, batch_size), **(conditions or {})}
                if self.recorder is None:
                    self._run(phase, images, noise, part)
                else:
                    self._replay_of(phase, self.recorder)(images, noise)
                for key in self._terms[phase.name]:
                    self._loss_counts[key] = self._loss_counts.get(key, 0) + 1
        if self._skipped is not None:
            self._skipped.end_step()
        self.steps += 1
        self.images_seen += batch_size

    def _replay_of(self, phase: Phase, recorder: GraphRecorder) -> ReplayedPhase:
        assert self.processes.count == 1, "phases are recorded in one process, which has the whole batch"
        if phase.name not in self._replayed:
            self._replayed[phase.name] = ReplayedPhase(
                phase.name, recorder, lambda images, noise: self._run(phase, images, noise, 1.0), self._held
            )
        return self._replayed[phase.name]

    def _run(self, phase: Phase, images: Tensor, noise: Noise, part: float) -> None:
        """A phase's work on the device. It may be recorded, so nothing here may wait for the device."""
        self._terms[phase.name] = []
        moves = phase.moves(images, noise)
        held_back: list[tuple[Move, dict[str, list[Tensor | None]]]] = []
        while True:
            # The context must not outlive the move: autocast would keep using cast weights from before the update.
            with self.precision.autocast():
                move = next(moves, None)
            if move is None:
                break
            gradients = self._gradients(phase, move, part)
            if gradients is None:
                continue
            if self.simultaneous:
                held_back.append((move, gradients))
            else:
                self._update(move, gradients)
        for move, gradients in held_back:
            self._update(move, gradients)

    def _noise(self, phase: Phase, batch_size: int) -> Noise:
        """This process's share of the batch's noise. All processes draw all of it, so their number does not matter."""
        noise = phase.noise(batch_size, self._generator, self.precision.device)
        if self.processes.count == 1:
            return noise
        share = self.processes.share(batch_size)
        return {name: tensor[share] for name, tensor in noise.items()}

    def _gradients(self, phase: Phase, move: Move, part: float) -> dict[str, list[Tensor | None]] | None:
        """The gradients of a move's loss over the whole batch, for its player's networks and no others.

        None if the move is to be skipped.
        """
        names = phase.players[move.player]
        weights = [weight for name in names for weight in self._parameters[name]]
        total = torch.stack([term.float() for term in move.terms.values()]).sum()
        # Terms are means over images: weighted by the processes' fractions, they add up to the mean over the batch.
        # `inputs` leaves other networks' gradients untouched and lets the backward pass skip them. Gradients
        # accumulated in this way have the memory layout of their weights, as fused optimisers require, and share no
        # memory.
        torch.autograd.backward(total if part == 1 else total * part, inputs=weights)
        gradients = {name: [weight.grad for weight in self._parameters[name]] for name in names}
        for weight in weights:
            weight.grad = None
        values = [term.detach().float() * part for term in move.terms.values()]
        present = [gradient for each in gradients.values() for gradient in each if gradient is not None]
        self.processes.add_up([*present, *values])
        terms = dict(zip(move.terms, values, strict=True))
        finite = self._fault.look(phase.name, move.player, terms, gradients)
        if self._skipped is not None and self._skipped.skips(finite):
            self._fault.forget()
            return None
        self._record(phase.name, terms)
        return gradients

    def _update(self, move: Move, gradients: Mapping[str, Iterable[Tensor | None]]) -> None:
        for name, values in gradients.items():
            weights = self._parameters[name]
            for weight, gradient in zip(weights, values, strict=True):
                weight.grad = gradient
            present = [weight.grad for weight in weights if weight.grad is not None]
            scale = move.gradient_scale.get(name, 1.0)
            if scale != 1.0:
                torch._foreach_mul_(present, scale)
            if self.clip_norm is not None:
                nn.utils.clip_grad_norm_(weights, self.clip_norm)
            self.optimizers[name].step()
            for weight in weights:
                weight.grad = None

    def _record(self, phase: str, terms: Mapping[str, Tensor]) -> None:
        for name, value in terms.items():
            key = f"{phase}/{name}"
            if key not in self._loss_sums:
                self._loss_sums[key] = torch.zeros_like(value)
            self._loss_sums[key].add_(value)
            self._terms[phase].append(key)

    def _held(self) -> dict[str, Tensor]:
        """All tensors that outlive a step, by names for messages."""
        held = {f"the sum of the loss {key}": value for key, value in self._loss_sums.items()} | self._fault.held()
        for name, network in self.networks.items():
            for key, value in (*network.named_parameters(), *network.named_buffers()):
                held[f"{name}.{key}"] = value
            for number, state in enumerate(self.optimizers[name].state.values()):
                for key, value in state.items():
                    if isinstance(value, Tensor):
                        held[f"{key} {number} of the optimiser of {name}"] = value
        return held

    @property
    def skipped_moves(self) -> int:
        """The number of moves whose update was skipped because a loss or a gradient was not finite."""
        return self._skipped.count if self._skipped is not None else 0

    def check_finite(self) -> None:
        """Checks that every loss and every gradient so far was finite. Waits for the device.

        Raises:
            NonFiniteLossError: One was not; the message names the first step, the phase, and the loss or gradient.
        """
        self._fault.check()

    def losses(self, *, reset: bool) -> dict[str, float]:
        """The mean of each loss term since the last reset, by `phase/term`. Waits for the device.

        Raises:
            NonFiniteLossError: A loss or a gradient was infinite or not a number.
        """
        self.check_finite()
        for replayed in self._replayed.values():
            replayed.check()
        means: dict[str, float] = {}
        if self._loss_counts:
            values = torch.stack([self._loss_sums[key] for key in self._loss_counts]).tolist()
            means = {key: value / count for (key, count), value in zip(self._loss_counts.items(), values, strict=True)}
        if reset:
            # Kept, because a recorded phase adds to these tensors.
            for value in self._loss_sums.values():
                value.zero_()
            self._loss_counts.clear()
        return means

    def state_dict(self) -> dict[str, Any]:
        """Everything but the networks: optimisers, position and the losses not yet read."""
        return {
            "steps": self.steps,
            "images_seen": self.images_seen,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "loss_sums": {key: self._loss_sums[key].to("cpu", copy=True) for key in self._loss_counts},
            "loss_counts": dict(self._loss_counts),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned.

        Raises:
            ValueError, KeyError, RuntimeError, TypeError: The state does not fit this engine.
        """
        self.steps = whole_number(state["steps"], "steps")
        self.images_seen = whole_number(state["images_seen"], "images seen")
        for name, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, state["optimizers"][name])
        self._loss_sums = {key: value.to(self.precision.device, copy=True) for key, value in state["loss_sums"].items()}
        self._loss_counts = {key: whole_number(count, "losses") for key, count in state["loss_counts"].items()}
        self._fault.forget()
        # Optimisers and sums have new tensors now, which recorded phases would not use.
        self._replayed.clear()
