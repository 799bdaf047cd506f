"""The configuration of a run: which components, and every setting that is not a component's own."""

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
"""Length of a run for which neither steps, epochs nor time are given."""

LIMITS = ("steps", "epochs", "max_time")
"""Settings that say how long a run is; the first that is reached ends it."""

NAMED_TABLES = ("lr_schedule",)
"""Settings that are tables with a name, as components are."""

AUTOENCODER_SETTINGS = (
    *("networks", "encoder", "code_dim", "code_size"),
    *("regularizer", "loss", "adversarial_loss"),
    # Which images are held out follows from the seed.
    *("dataset", "image_size", "channels", "holdout", "binarise", "seed"),
    *("decoder_in_both_phases", "critic_steps", "reconstruction_weight", "reconstructions_as_fakes"),
    *("balance_fakes", "simultaneous", "synchronise_batch_norm", "fitted_to", "fitted_checkpoint"),
)
"""Settings that `priorkit fit` leaves alone: they are the autoencoder's, or nothing of them is trained."""

DEVICE_NAME = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?")
"""How a device is named."""

Duration = Annotated[float, BeforeValidator(parse_duration)]
Channels = Annotated[Literal[1, 3], BeforeValidator(lambda value: int(value) if value in ("1", "3") else value)]


class LearningRates(BaseModel):
    """Learning rates that differ from the common one, a network at a time.

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
        renamed_options: Former names of settings. Each is taken, with a warning, until the version in which it goes.

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
    text_encoder: ComponentChoice = _choice("gru", "how a caption becomes a vector, for conditions that read captions")
    encoder: ComponentChoice = _choice("deterministic", "how an image becomes a code")
    regularizer: ComponentChoice = _choice("adversarial", "what makes the codes of the data match the prior")
    loss: ComponentChoice = _choice("perceptual", "reconstruction loss")
    adversarial_loss: ComponentChoice = _choice("non-saturating", "loss of the critics and of those who fool them")
    networks: ComponentChoice = _choice("residual", "family of encoder, decoder and critics")
    phases: Phases = Field(
        tuple(ComponentChoice(name=name) for name in ("autoencoder", "code-matching", "prior-improvement")),
        description="phases of a step, in order",
    )
    dataset: ComponentChoice = _choice("digits", "where the images come from")
    extractor: ComponentChoice = _choice("classifier", "what scores of samples see of an image")
    code_dim: int = Field(64, ge=1, le=1_000_000, description="dimensions of the code; channels where it is a map")
    code_size: int | None = Field(
        None,
        ge=1,
        le=64,
        description="codes are maps of --code-dim channels, so many pixels high and wide (none: vectors)",
    )
    fitted_to: Path | None = Field(
        None, description="the run whose codes the prior is fitted to, its autoencoder standing still: priorkit fit RUN"
    )
    fitted_checkpoint: str | None = Field(None, description="which checkpoint of that run the autoencoder is from")

    # Data
    data_dir: Path | None = Field(None, description="where the data set lies")
    image_size: int | None = Field(None, ge=1, description="bring images to this size: 16, 32, 64 or 128 pixels")
    channels: Channels | None = Field(None, description="bring images to 1 (grey) or 3 (RGB) channels")
    holdout: float = Field(0.1, gt=0, lt=1, description="share held out where the data has no test images")
    binarise: Literal["none", "threshold", "stochastic"] = Field(
        "none",
        description="train on black and white images: white from grey level 128 on, or drawn anew in every step, white "
        "with the grey level as the probability",
    )
    stream: Literal["auto", "always", "never"] = Field(
        "auto",
        description="read images from disk as they are needed instead of all at once; auto does where they would take "
        "more than a quarter of the free memory",
    )
    workers: int | None = Field(
        None,
        ge=0,
        le=256,
        description="processes that read streamed images; 0 reads in the training process (none: as many as there are "
        "processors, at most 8, but 0 for training on two processors)",
    )

    # Algorithm
    decoder_in_both_phases: bool = Field(
        True, description="train the decoder in the prior improvement phase too (ablation C of the paper)"
    )
    critic_steps: int = Field(
        1, ge=1, description="steps of the image discriminator for each of those who fool it, on new images"
    )
    reconstruction_weight: float = Field(
        1.0, ge=0, description="lambda: scales the decoder's gradient of the reconstruction loss"
    )
    reconstructions_as_fakes: bool = Field(
        False, description="show reconstructions to the image discriminator as fakes too (third term of Algorithm 1)"
    )
    balance_fakes: bool = Field(
        False,
        description="where reconstructions are fakes too, let samples and reconstructions weigh half each",
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
        description="where a loss or gradient is infinite or not a number: stop; skip that update, which waits for the "
        "device in each; or rollback to the last checkpoint with half the learning rates, at most five times",
    )
    average: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="decay of the averaged encoder, decoder and prior, and of D_I and Q where Q labels images itself; "
        "0 turns averages off",
    )

    # Length
    stages: Stages | None = Field(
        None,
        description="parts of the run, each a list of phases with a length, as autoencoder:1000,code-fitting:2000; one "
        "may have none, and takes what --steps leaves; none: its phases run until it ends",
    )
    steps: int | None = Field(
        None, ge=1, description=f"stop after so many steps ({DEFAULT_STEPS} if no limit is given)"
    )
    epochs: float | None = Field(None, gt=0, le=1_000_000, description="stop after so many passes over the data")
    max_time: Duration | None = Field(None, description="stop after so much training time, as 90s, 8m or 1h30m")

    # Machine
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, data order and noise")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="bfloat16 computes in mixed precision; auto does where the hardware runs it well"
    )
    channels_last: bool = Field(True, description="keep images channels-last in memory, which is faster")
    synchronise_batch_norm: bool = Field(
        True,
        description="with several processes, normalise by the whole batch's statistics, as one process would; without, "
        "each normalises by those of its own images, which needs fewer messages",
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
        2, ge=1, description="how many of the last checkpoints stay; an earlier one is used where the last is damaged"
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        description="steps between evaluations by scores, whose Fréchet distance then says which checkpoint is best; "
        "off by default",
    )
    evaluate_samples: int = Field(1000, ge=2, description="samples that such an evaluation is of")

    @model_validator(mode="before")
    @classmethod
    def _checked_names(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("recipe"), str):
            raise ValueError(
                f"a configuration has no recipe; priorkit.recipe({values['recipe']!r}, ...) gives that of one"
            )
        return with_current_names(values, cls.renamed_options) if isinstance(values, Mapping) else values

    @field_validator("data_dir", "fitted_to")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        try:
            return value.expanduser() if value is not None else None
        except RuntimeError:
            raise ValueError("nobody of that name has a home folder") from None

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not DEVICE_NAME.fullmatch(value):
            raise ValueError("expected auto, cpu, cuda, cuda:N or mps")
        return value

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of a code as the decoder takes it: (D,) of vectors, (C, H, W) of maps."""
        return (self.code_dim,) if self.code_size is None else (self.code_dim, self.code_size, self.code_size)
