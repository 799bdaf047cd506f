"""The state of a fit in memory: a prior in training on given codes."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.codes.building import build_condition, build_prior, check_prior, fitting_phase
from priorkit.codes.conditions import GivenConditions, PriorCondition
from priorkit.codes.given_codes import GivenCodes
from priorkit.codes.scale import CodeScale
from priorkit.config import RunConfig
from priorkit.data.batches import placed
from priorkit.engine import (
    AveragedNetworks,
    DataOrder,
    Engine,
    choose_device,
    choose_precision,
    diverged,
    evaluating,
    make_optimizer,
    recomputed_statistics,
    running_statistics,
    seed_for,
)
from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import Batch, CodeKind, Condition, Prior, Space
from priorkit.models import tensors_below
from priorkit.registry import Registry
from priorkit.registry.guard import refusing
from priorkit.training.learning_rates import rate_factor, require_length
from priorkit.training.length import last_step

__all__ = ["CodeFit"]

_STATISTICS_OF = 1024
"""Number of samples for the prior's batch-norm statistics."""


class CodeFit:
    """A prior, the codes that it learns, and its progress.

    Codes are kept in memory as the prior sees them: standardised, in float32. Order and noise are functions of the seed
    and the number of codes seen, so a resumed fit gives the same prior, bit for bit.

    Args:
        config: A resolved configuration.
        registry: Where components come from.
        codes: The codes.
        conditions: The codes' conditions, if the configuration has a condition.

    Raises:
        ConfigurationError: The prior cannot learn these codes, or the learning-rate schedule needs a length and the fit
            has none.
        DeviceError: The device is not available.

    Examples:
        >>> import torch
        >>> from priorkit.codes import prepare_code_fit
        >>> codes = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        >>> fit = prepare_code_fit(codes, {"prior": "flow-matching", "steps": 2, "device": "cpu"}).fit
        >>> fit.step()
        >>> fit.steps, fit.total_steps(), fit.finished()
        (1, 2, False)
    """

    def __init__(
        self, config: RunConfig, registry: Registry, codes: GivenCodes, conditions: GivenConditions | None = None
    ) -> None:
        self._registered = registry.get("prior", config.prior.name)
        self._given = f"--prior {config.prior.name}"
        self.codes = codes
        self.scale = codes.scale
        self.precision = choose_precision(config.precision, choose_device(config.device))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(config.seed, "weights"))
            module, entries = build_condition(config, registry, conditions)
            self.prior = self._built(config, registry, module)
            space, device = self.scale.seen, self.precision.device
            with refusing(self._registered, self._given):
                check_prior(self.prior, config, space, module)
        self.condition = None
        if module is not None:
            assert conditions is not None, "a condition is of something"
            self.condition = PriorCondition(module, conditions.classes, conditions.shares, conditions.scale)
        phase = fitting_phase(self.prior, config, space, registry)
        self._at_once = phase.batch is Batch.ALL_CODES
        self.config = config.model_copy(update={"steps": 1, "epochs": None}) if self._at_once else config
        if not self._at_once:
            require_length(self.config.lr_schedule, self.total_steps())
        self.prior.to(device)
        networks: dict[str, nn.Module] = {} if self._at_once else {"prior": self.prior}
        self.engine = Engine(
            networks,
            {name: self._optimizer(network) for name, network in networks.items()},
            [phase],
            precision=self.precision,
            seed=config.seed,
            clip_norm=config.clip_norm,
        )
        self.averages = AveragedNetworks(networks, config.average) if networks and config.average > 0 else None
        self._seen = placed(self.scale(codes.flat), device)
        self._entries = placed(entries, device) if entries is not None else None
        self._order = DataOrder(len(codes), config.seed)
        self.seconds = 0.0

    def _built(self, config: RunConfig, registry: Registry, condition: Condition | None) -> Prior:
        """The prior, for standardised codes; the scale is replaced if the prior's support is not all of R^D."""
        codes, seen = self.codes, self.scale.seen
        refusal = None
        try:
            prior = build_prior(config, registry, seen, condition, len(codes))
        except ConfigurationError as error:
            refusal = error
        if refusal is None and prior.support.space is Space.EVERYWHERE:
            return prior
        if refusal is not None and seen == codes.space:
            raise refusal
        # A scaled sphere is not a sphere, and a one-hot vector needs all its classes: such a prior sees unscaled codes.
        prior = build_prior(config, registry, codes.space, condition, len(codes))
        if refusal is not None and prior.support.space is Space.EVERYWHERE:
            raise refusal
        self._require_support(prior, codes.flat)
        self.scale = CodeScale(codes.space)
        return prior

    def _require_support(self, prior: Prior, codes: Tensor) -> None:
        outside = ~prior.support.contains(codes)
        if bool(outside.any()):
            raise ConfigurationError(
                f"{self._given}: its codes lie on or in {prior.support}, but row {int(outside.int().argmax())} of "
                "these codes (counted from 0) does not; map them there first, or choose another prior"
            )

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        config = self.config
        return make_optimizer(
            config.optimizer,
            network.parameters(),
            learning_rate=config.learning_rate,
            beta1=config.beta1,
            beta2=config.beta2,
            weight_decay=config.weight_decay,
        )

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return self.engine.steps

    def total_steps(self) -> int | None:
        """The step at which the fit ends, by its steps or epochs; None if only time ends it."""
        return last_step(self.config, len(self.codes))

    def finished(self) -> bool:
        """Whether the fit has reached one of its limits."""
        total = self.total_steps()
        out_of_time = self.config.max_time is not None and self.seconds >= self.config.max_time
        return out_of_time or (total is not None and self.steps >= total)

    def step(self) -> None:
        """Trains on one batch, or fits the prior to all codes.

        Raises:
            PluginError: A third party's prior fails.
            ConfigurationError: The prior refuses the codes.
        """
        device = self.precision.device
        if self._at_once:
            batch = self._seen.to(device)
            entries = self._entries.to(device) if self._entries is not None else None
        else:
            indices = self._order.batch(self.engine.images_seen, self.config.batch_size)
            batch = self._gathered(self._seen, indices)
            entries = self._gathered(self._entries, indices) if self._entries is not None else None
        conditions = {}
        if entries is not None and self.condition is not None:
            conditions["condition"] = self.condition.module.vectors(entries)
        try:
            with refusing(self._registered, self._given):
                if self.steps == 0 and self.codes.space.kind is not CodeKind.INDICES:
                    # For vectors 0 and 1; the dimensions of a map's channel have different scales.
                    deviation, mean = torch.std_mean(self._seen, dim=0, correction=0)
                    self.prior.standardise(mean.to(device), deviation.to(device))
                self._set_scheduled_rate()
                self.engine.step(batch, len(batch), conditions)
        except PluginError as error:
            raise PluginError(f"{error} (it failed in step {self.steps + 1})") from error
        if self.averages is not None:
            self.averages.update()

    def _set_scheduled_rate(self) -> None:
        """Sets the learning rate of the next step, if it changes."""
        schedule = self.config.lr_schedule
        if schedule.constant:
            return
        factor = rate_factor(schedule, self.steps, self.total_steps())
        for optimizer in self.engine.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = factor * self.config.learning_rate

    def _gathered(self, source: Tensor, indices: Tensor) -> Tensor:
        return source.index_select(0, indices.to(source.device)).to(self.precision.device, non_blocking=True)

    def prior_in_use(self) -> Prior:
        """A copy of the prior for evaluation: averaged, if the fit averages, with statistics of its own noise."""
        prior = self.averages.networks["prior"] if self.averages is not None else self.prior
        assert isinstance(prior, Prior)
        used = copy.deepcopy(prior).requires_grad_(False).eval()
        if running_statistics(used):
            generator = torch.Generator().manual_seed(seed_for(self.config.seed, "statistics"))
            with evaluating(used), recomputed_statistics(used):
                for _ in range(-(-_STATISTICS_OF // self.config.batch_size)):
                    self._pass(used, self.config.batch_size, generator)
        return used

    def _pass(self, prior: Prior, n: int, generator: torch.Generator) -> Tensor:
        noise = prior.noise(n, generator=generator).to(self.precision.device)
        if self.condition is None:
            made: Tensor = prior(noise)
        else:
            made = prior(noise, self.condition.draw(n, generator).to(noise.device))
        return made

    def check_finite(self) -> None:
        """Checks that the prior is worth saving.

        Raises:
            NonFiniteLossError: A loss, a weight or a sample is infinite or not a number.
            ConfigurationError: A weight or a sample of a prior fitted to all codes at once is infinite or not a number.
        """
        self.engine.losses(reset=False)
        used = self.prior_in_use()
        with evaluating(used):
            made = self._pass(used, 2, torch.Generator().manual_seed(0))
        tensors = [made, *(item for item in used.state_dict().values() if item.is_floating_point())]
        if not all(bool(tensor.isfinite().all()) for tensor in tensors):
            if self._at_once:
                raise ConfigurationError(
                    f"{self._given}: fitted to these codes, it is not finite; give more codes than they have "
                    "dimensions, or choose another prior"
                )
            raise diverged(f"the prior is no longer finite at step {self.steps}")

    def weights(self) -> dict[str, Tensor]:
        """Every tensor of the prior, its average and its evaluation copy, by `network/tensor`."""
        named: dict[str, nn.Module] = {"prior": self.prior, "scale": self.scale}
        if self.averages is not None:
            named["average"] = self.averages.networks["prior"]
        if running_statistics(self.prior):
            named["use"] = self.prior_in_use()
        if self.condition is not None:
            named["condition"] = self.condition.module
            if self.condition.scale is not None:
                named["condition_scale"] = self.condition.scale
        return {f"{name}/{key}": value for name, module in named.items() for key, value in module.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Everything else of the fit's state."""
        return {
            "engine": self.engine.state_dict(),
            "averages": self.averages.state_dict() if self.averages is not None else {},
            "seconds": self.seconds,
        }

    def load(self, weights: dict[str, Tensor], state: Mapping[str, Any]) -> None:
        """Restores the tensors and the state that `weights` and `state` returned.

        Raises:
            KeyError, RuntimeError: They belong to another fit.
        """
        self.prior.load_state_dict(tensors_below("prior", weights))
        if self.averages is not None:
            self.averages.networks["prior"].load_state_dict(tensors_below("average", weights))
            self.averages.load_state_dict(state["averages"])
        self.engine.load_state_dict(state["engine"])
        self.seconds = float(state["seconds"])
