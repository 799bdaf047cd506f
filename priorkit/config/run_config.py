"""The configuration of a run: the choice of components, and all settings that are not options of components."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from priorkit.config.component_choice import ComponentChoice, listed_choices
from priorkit.config.durations import parse_duration
from priorkit.config.lr_schedule import LRSchedule
from priorkit.config.stages import Stage, checked_stages, listed_stages
from priorkit.deprecation import Deprecated, with_current_names

__all__ = [
    "AUTOENCODER_SETTINGS",
    "DEFAULT_STEPS",
    "DEVICE_NAME",
    "LIMITS",
    "NAMED_TABLES",
    "Channels",
    "Duration",
    "LearningRates",
    "RunConfig",
]

DEFAULT_STEPS = 1500
"""Length in steps of a run without a limit in steps, epochs or time."""

LIMITS = ("steps", "epochs", "max_time")
"""Settings that limit a run's length; the run ends at the first limit reached."""

NAMED_TABLES = ("lr_schedule",)
"""Settings that are tables with a name, like components."""

AUTOENCODER_SETTINGS = (
    *("networks", "encoder", "code_dim", "code_size"),
    *("regularizer", "loss", "adversarial_loss"),
    # The seed decides which images are held out.
    *("dataset", "image_size", "channels", "holdout", "binarise", "seed"),
    *("decoder_in_both_phases", "critic_steps", "reconstruction_weight", "reconstructions_as_fakes"),
    *("balance_fakes", "simultaneous", "synchronise_batch_norm", "fitted_to", "fitted_checkpoint"),
)
"""Settings that `priorkit fit` does not change: they belong to the autoencoder, or to networks that it does not
train."""

DEVICE_NAME = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?")
"""Pattern of device names."""

Duration = Annotated[float, BeforeValidator(parse_duration)]
Channels = Annotated[Literal[1, 3], BeforeValidator(lambda value: int(value) if value in ("1", "3") else value)]


class LearningRates(BaseModel):
    """Learning rates of single networks, where they differ from the common one.

    Examples:
        >>> from priorkit.config import LearningRates, RunConfig
        >>> RunConfig(learning_rates=LearningRates(decoder=1e-4)).learning_rates.decoder
        0.0001
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: float | None = Field(None, gt=0, description="learning rate of the encoder")
    decoder: float | None = Field(None, gt=0, description="learning rate of the decoder")
    prior: float | None = Field(None, gt=0, description="learning rate of the prior (its code generator)")
    regularizer: float | None = Field(
        None, gt=0, description="learning rate of the regularizer's critic, the code discriminator"
    )
    image_critic: float | None = Field(None, gt=0, description="learning rate of the image discriminator")
    recogniser: float | None = Field(None, gt=0, description="learning rate of the classifier Q")


Phases = Annotated[tuple[ComponentChoice, ...], BeforeValidator(listed_choices)]
Stages = Annotated[tuple[Stage, ...], AfterValidator(checked_stages), BeforeValidator(listed_stages)]


def _choice(name: str, description: str) -> Any:
    return Field(ComponentChoice(name=name), description=description)


class RunConfig(BaseModel):
    """Everything that determines a run. The same configuration, seed and machine give the same run.

    Component fields take a name (`prior="gaussian"`) or a table (`prior={"name": "learned", "noise_dim": 32}`).

    Attributes:
        renamed_options: Former names of settings. Each is accepted, with a warning, until the version that removes it.

    Examples:
        >>> from priorkit.config import RunConfig
        >>> config = RunConfig(prior="gaussian", code_dim=16, steps=500)
        >>> config.prior.name, config.seed
        ('gaussian', 0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    renamed_options: ClassVar[Mapping[str, Deprecated]] = MappingProxyType({})

    # Components
    prior: ComponentChoice = _choice("learned", "distribution of the codes")
    code_generator: ComponentChoice = _choice("mlp", "network of a learned prior")
    condition: ComponentChoice = _choice("none", "the condition s of images")
    text_encoder: ComponentChoice = _choice("gru", "network from captions to vectors, if the condition reads captions")
    encoder: ComponentChoice = _choice("deterministic", "network from images to codes")
    regularizer: ComponentChoice = _choice("adversarial", "loss that makes the codes of the data match the prior")
    loss: ComponentChoice = _choice("perceptual", "reconstruction loss")
    adversarial_loss: ComponentChoice = _choice("non-saturating", "loss of the critics and of the generator")
    networks: ComponentChoice = _choice("residual", "family of encoder, decoder and critics")
    phases: Phases = Field(
        tuple(ComponentChoice(name=name) for name in ("autoencoder", "code-matching", "prior-improvement")),
        description="phases of a step, in order",
    )
    dataset: ComponentChoice = _choice("digits", "source of the images")
    extractor: ComponentChoice = _choice("classifier", "network whose features of images the scores compare")
    code_dim: int = Field(64, ge=1, le=1_000_000, description="dimensions of the code, or channels if it is a map")
    code_size: int | None = Field(
        None,
        ge=1,
        le=64,
        description="make codes maps of --code-dim channels, this many pixels high and wide (none: vectors)",
    )
    fitted_to: Path | None = Field(
        None, description="run whose codes the prior is fitted to, with a frozen autoencoder: priorkit fit RUN"
    )
    fitted_checkpoint: str | None = Field(None, description="checkpoint of that run with the autoencoder")

    # Data
    data_dir: Path | None = Field(None, description="folder or file of the data set")
    image_size: int | None = Field(None, ge=1, description="resize images to 16, 32, 64 or 128 pixels")
    channels: Channels | None = Field(None, description="convert images to 1 (grey) or 3 (RGB) channels")
    holdout: float = Field(0.1, gt=0, lt=1, description="share of images to hold out if the data has no test images")
    binarise: Literal["none", "threshold", "stochastic"] = Field(
        "none",
        description="train on black and white images: white from grey level 128 on, or sampled in every step, white "
        "with the grey level as the probability",
    )
    stream: Literal["auto", "always", "never"] = Field(
        "auto",
        description="read images from disk when needed instead of all at once; auto does so if they would take "
        "more than a quarter of the free memory",
    )
    workers: int | None = Field(
        None,
        ge=0,
        le=256,
        description="processes that read streamed images; 0 reads in the training process (none: number of "
        "processors, at most 8, but 0 when training on two processors)",
    )

    # Algorithm
    decoder_in_both_phases: bool = Field(
        True, description="train the decoder in the prior improvement phase too (ablation C of the paper)"
    )
    critic_steps: int = Field(
        1, ge=1, description="steps of the image discriminator, each on new images, for each step of the generator"
    )
    reconstruction_weight: float = Field(
        1.0, ge=0, description="lambda: scales the decoder's gradient of the reconstruction loss"
    )
    reconstructions_as_fakes: bool = Field(
        False, description="also use reconstructions as fakes for the image discriminator (third term of Algorithm 1)"
    )
    balance_fakes: bool = Field(
        False,
        description="give samples and reconstructions weight 1/2 each, if reconstructions are fakes too",
    )
    simultaneous: bool = Field(
        False, description="compute all of a phase's losses before its updates, as Algorithm 1 is printed"
    )

    # Optimisation
    batch_size: int = Field(64, ge=2, description="images per step, of all processes together")
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = Field("adam", description="optimiser of every network")
    learning_rate: float = Field(4e-4, gt=0, description="learning rate of every network not named below")
    learning_rates: LearningRates = LearningRates()
    lr_schedule: LRSchedule = LRSchedule()
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's beta1; momentum for sgd and rmsprop")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's beta2; smoothing constant of rmsprop")
    weight_decay: float = Field(0.0, ge=0, description="weight decay")
    clip_norm: float | None = Field(None, gt=0, description="clip each network's gradient to this norm")
    on_divergence: Literal["stop", "skip", "rollback"] = Field(
        "stop",
        description="if a loss or gradient is not finite: stop; skip that update (each step then waits for the "
        "device); or rollback to the last checkpoint with half the learning rates, at most five times",
    )
    average: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="decay of the averaged encoder, decoder and prior, and of D_I and Q if Q learns without labels; "
        "0 turns averaging off",
    )

    # Length
    stages: Stages | None = Field(
        None,
        description="parts of the run, each a list of phases with a length: autoencoder:1000,code-fitting:2000; one "
        "may have no length and gets the rest of --steps (none: one stage with all phases)",
    )
    steps: int | None = Field(
        None, ge=1, description=f"stop after this many steps ({DEFAULT_STEPS} if no limit is given)"
    )
    epochs: float | None = Field(None, gt=0, le=1_000_000, description="stop after this many passes over the data")
    max_time: Duration | None = Field(None, description="stop after this training time: 90s, 8m or 1h30m")

    # Machine
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, data order and noise")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="bfloat16 is mixed precision; auto uses it on hardware that supports it natively"
    )
    channels_last: bool = Field(True, description="use the channels-last memory format, which is faster")
    synchronise_batch_norm: bool = Field(
        True,
        description="with several processes, normalise by the whole batch's statistics, as with one; otherwise "
        "each normalises by the statistics of its own images, which needs less communication",
    )
    compile: bool = Field(
        False,
        description="compile the networks (torch.compile): slow to start, slower on CPUs, not measured on GPUs",
    )
    cuda_graphs: bool = Field(
        False, description="record each phase as a CUDA graph and replay it: for small networks; not tried on a GPU yet"
    )

    # Output
    log_every: int = Field(50, ge=1, description="steps between lines of metrics.jsonl")
    sample_every: int = Field(250, ge=1, description="steps between pictures and held-out scores")
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(
        2, ge=1, description="number of last checkpoints to keep; an earlier one is used if the last is damaged"
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        description="steps between evaluations by scores, whose Fréchet distance then selects the best checkpoint; "
        "off by default",
    )
    evaluate_samples: int = Field(1000, ge=2, description="number of samples of each such evaluation")

    @model_validator(mode="before")
    @classmethod
    def _checked_names(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("recipe"), str):
            raise ValueError(f"a configuration has no recipe; use priorkit.recipe({values['recipe']!r}, ...)")
        return with_current_names(values, cls.renamed_options) if isinstance(values, Mapping) else values

    @field_validator("data_dir", "fitted_to")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        try:
            return value.expanduser() if value is not None else None
        except RuntimeError:
            raise ValueError("no user of this name has a home folder") from None

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not DEVICE_NAME.fullmatch(value):
            raise ValueError("expected auto, cpu, cuda, cuda:N or mps")
        return value

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of the decoder's input: (D,) for vectors, (C, H, W) for maps."""
        return (self.code_dim,) if self.code_size is None else (self.code_dim, self.code_size, self.code_size)
