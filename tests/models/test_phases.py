"""Phases that components bring: trained, kept, ordered, and blamed where they fail."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import Batch, Learning, Move, Noise, OptimizerSettings, Phase, Place, Prior, System
from priorkit.models.batch_sharing import require_shareable_terms
from priorkit.plugins import Component, Options, PhaseComponent
from priorkit.registry import Registry
from priorkit.training import Session


class Moments(Phase):
    """Moves the means of a prior's codes to those of the encoder's, as a critic of its own sees them."""

    name = "moments"
    players: Mapping[str, tuple[str, ...]] = {"critic": ("moment_critic",), "prior": ("prior",)}

    def __init__(self, system: System, **changes: Any) -> None:
        self.system = system
        self.critic = nn.Linear(system.code_dim, 1)
        self.networks = {"moment_critic": self.critic}
        for key, value in changes.items():
            setattr(self, key, value)

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"prior": self.system.prior.noise(n, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        assert self.system.encoder is not None
        with torch.no_grad():
            codes = self.system.encoder(images).code
        made = self.system.prior(noise["prior"])
        difference = self.critic(made.detach()).mean() - self.critic(codes).mean()
        yield Move("critic", {"critic": difference + self.critic.weight.square().sum()})
        yield Move("prior", {"prior": -self.critic(made).mean()})


class Moved(Prior):
    """A normal distribution whose mean learns in the phases that it is given."""

    learning = Learning.PHASES

    def __init__(self, code_dim: int, make: Callable[[System], Sequence[Any]]) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.make = make
        self.mean = nn.Parameter(torch.zeros(code_dim))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + noise

    def phases(self, system: System) -> Sequence[Phase]:
        return self.make(system)


SessionOf = Callable[..., Session]


@pytest.fixture
def session_of(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], tiny_session: SessionOf
) -> SessionOf:
    """Makes a session of `aae` whose prior brings the phases that a function makes of the system."""

    def make(
        phases: Callable[[System], Sequence[Any]], change: Callable[[Moved], None] | None = None, **changes: Any
    ) -> Session:
        def build(options: Any, context: Any) -> Moved:
            prior = Moved(context.code_dim, phases)
            if change is not None:
                change(prior)
            return prior

        registry = make_registry([("prior", make_component("moved", build))])
        return tiny_session("aae", registry, prior="moved", **changes)

    return make


def one(**changes: Any) -> Callable[[System], list[Phase]]:
    return lambda system: [Moments(system, **changes)]


def test_its_networks_are_trained_in_every_step_and_its_losses_are_told(session_of: SessionOf) -> None:
    session = session_of(one())
    before = {key: value.clone() for key, value in session.weights().items()}
    session.step()
    after = session.weights()
    for key in ("moment_critic/weight", "prior/mean", "average/prior/mean"):
        assert not torch.equal(before[key], after[key]), key
    assert {"moments/critic", "moments/prior"} < session.engine.losses(reset=False).keys()


def test_it_takes_part_once_every_so_many_steps(session_of: SessionOf) -> None:
    session = session_of(one(every=3))
    means = []
    for _ in range(4):
        session.step()
        means.append(session.weights()["prior/mean"].clone())
    assert torch.equal(means[0], means[2])
    assert not torch.equal(means[2], means[3])


@pytest.mark.parametrize(
    ("place", "names"),
    [
        (Place.BEFORE_AUTOENCODER, ["moments", "autoencoder", "prior_improvement"]),
        (Place.AFTER_AUTOENCODER, ["autoencoder", "moments", "prior_improvement"]),
        (Place.LAST, ["autoencoder", "prior_improvement", "moments"]),
    ],
)
def test_it_has_its_place_in_the_step(place: Place, names: list[str], session_of: SessionOf) -> None:
    session = session_of(one(place=place), loss="perceptual")
    assert [phase.name for phase in session.engine.phases] == names


def test_a_resumed_run_is_the_same_run(session_of: SessionOf) -> None:
    straight, interrupted = session_of(one()), session_of(one())
    for _ in range(2):
        straight.step()
        interrupted.step()
    resumed = session_of(one())
    resumed.load({key: value.clone() for key, value in interrupted.weights().items()}, interrupted.state())
    straight.step()
    resumed.step()
    expected, found = straight.weights(), resumed.weights()
    assert expected.keys() == found.keys()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_networks_are_optimised_as_the_phase_says_and_the_user_comes_first(session_of: SessionOf) -> None:
    settings = {
        "moment_critic": OptimizerSettings("sgd", learning_rate=0.3, beta1=0.0),
        "prior": OptimizerSettings(learning_rate=0.2, weight_decay=0.1),
    }
    session = session_of(one(optimizers=settings), learning_rate=0.01, learning_rates={"prior": 0.05})
    critic, prior, decoder = (session.engine.optimizers[name] for name in ("moment_critic", "prior", "decoder"))
    assert isinstance(critic, torch.optim.SGD)
    assert (critic.param_groups[0]["lr"], critic.param_groups[0]["momentum"]) == (0.3, 0.0)
    assert (prior.param_groups[0]["lr"], prior.param_groups[0]["weight_decay"]) == (0.05, 0.1)
    assert (decoder.param_groups[0]["lr"], decoder.param_groups[0]["weight_decay"]) == (0.01, 0.0)


CONFLICTS = [
    (lambda system: [Moments(system), Moments(system)], "'moments' has the name of another phase"),
    (
        lambda system: [Moments(system), Moments(system, name="others")],
        "'others' names its network 'moment_critic', which is the name of another module",
    ),
    (
        lambda system: [
            Moments(system, optimizers={"prior": OptimizerSettings(learning_rate=0.1)}),
            Moments(
                system,
                name="others",
                networks={},
                players={"prior": ("prior",)},
                optimizers={"prior": OptimizerSettings(learning_rate=0.2)},
            ),
        ],
        "'others' has optimiser settings for 'prior', and so has another phase",
    ),
    (one(players={"critic": ("moment_critic",), "prior": ("image_critic",)}), "trains 'image_critic'; what can be"),
    (one(optimizers={"prior": OptimizerSettings("lion")}), "the optimiser 'lion' for 'prior'; there are adam, adamw"),
    (
        one(optimizers={"prior": OptimizerSettings(learning_rate=-1.0)}),
        "for 'prior' with learning_rate = -1.0, which is out of",
    ),
    (one(name=None), "a phase named None"),
    (one(players=None), "'moments' has players that are not a mapping"),
    (one(networks=[]), "'moments' has networks that are not a mapping"),
    (one(optimizers={"prior": {"learning_rate": 1}}), "settings for 'prior' that are not OptimizerSettings"),
    (
        lambda system: [
            Moments(system, networks={"average": nn.Linear(4, 1)}, players={"critic": ("average",), "p": ("prior",)})
        ],
        "names its network 'average', which is the name of another module",
    ),
    (
        one(batch=Batch.CODES, networks={}, players={"both": ("encoder", "prior")}),
        "'moments' takes codes and trains the encoder, which would change these codes",
    ),
    (one(batch="codes"), "'moments' has batch = 'codes', which must be one of priorkit.interfaces.Batch"),
    (lambda system: [42], r"phases\(\) gave 42, not a Phase"),
    (lambda system: [], "it declares that it learns in its own phases, but none of them trains it"),
]


@pytest.mark.parametrize(("phases", "told"), CONFLICTS)
def test_what_cannot_be_trained_is_refused(phases: Any, told: str, session_of: SessionOf) -> None:
    with pytest.raises(ConfigurationError, match=f"^--prior moved: .*{told}") as caught:
        session_of(phases)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("this is a mistake in the plug-in")


def test_a_fixed_prior_that_is_trained_is_refused(session_of: SessionOf) -> None:
    def fix(prior: Moved) -> None:
        prior.learning = Learning.FIXED

    with pytest.raises(ConfigurationError, match="a phase trains it, but it declares that it is fixed"):
        session_of(one(), fix)


def test_a_component_may_refuse_the_system(session_of: SessionOf) -> None:
    def refuse(system: System) -> list[Phase]:
        raise ValueError("learns from codes; use --encoder gaussian")

    with pytest.raises(ConfigurationError, match=r"^--prior moved: learns from codes; use --encoder gaussian"):
        session_of(refuse)


def yielding(*moves: Any) -> Callable[[System], list[Phase]]:
    class Odd(Moments):
        def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
            yield from moves

    return lambda system: [Odd(system)]


MOVES = [
    (yielding("a move"), "yielded a str, not a Move"),
    (yielding(Move("nobody", {"term": torch.ones(())})), "yielded a move of 'nobody'; its players are critic, prior"),
    (yielding(Move("prior", {})), "yielded a move of 'prior' without loss terms"),
    (yielding(Move("prior", {"term": torch.ones(())})), "a loss term 'term' that is not a scalar tensor depending on"),
    (yielding(Move("prior", {"term": torch.ones(2, requires_grad=True)})), "a loss term 'term' that is not a scalar"),
]


@pytest.mark.parametrize(("phases", "told"), MOVES)
def test_moves_that_cannot_be_trained_are_refused_before_training(
    phases: Any, told: str, session_of: SessionOf
) -> None:
    with pytest.raises(PluginError, match=f"^--prior moved, in its phase 'moments': its plug-in .*{told}"):
        session_of(phases)


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_failure_names_plug_in_phase_and_step(error: type[Exception], session_of: SessionOf) -> None:
    class Fails(Moments):
        calls = 0

        def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
            self.calls += 1
            if self.calls == 4:  # the first is the rehearsal
                raise error("the critic has gone")
            yield from super().moves(images, noise)

    session = session_of(lambda system: [Fails(system)])
    session.step()
    session.step()
    told = (
        r"^--prior moved, in its phase 'moments': .*priorkit-tests 1.0.* the critic has gone.*\(it failed in step 3\)$"
    )
    with pytest.raises(PluginError, match=told):
        session.step()


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        (lambda n: None, "gave None as its noise, not a mapping"),
        (lambda n: {"prior": 1 / 0}, "ZeroDivisionError"),
        (lambda n: {"prior": torch.zeros(n).reshape(0, 7)}, "has failed: RuntimeError"),
        (lambda n: {"prior": int("seven")}, "failed: invalid literal"),
    ],
)
def test_noise_that_fails_names_the_plug_in(noise: Any, told: str, session_of: SessionOf) -> None:
    class Odd(Moments):
        def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
            made: Noise = noise(n)
            return made

    with pytest.raises(PluginError, match=f"^--prior moved, in its phase 'moments': .*{told}"):
        session_of(lambda system: [Odd(system)])


def test_moves_that_are_no_generator_name_the_plug_in(session_of: SessionOf) -> None:
    class Eager(Moments):
        def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
            raise RuntimeError("at once")

    with pytest.raises(PluginError, match=r"^--prior moved, in its phase 'moments': .*at once"):
        session_of(lambda system: [Eager(system)])


def test_a_rehearsal_leaves_no_trace_in_buffers(session_of: SessionOf) -> None:
    class Counting(Moments):
        def __init__(self, system: System) -> None:
            super().__init__(system)
            self.critic.register_buffer("calls", torch.zeros(()))

        def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
            self.critic.calls.add_(1)  # type: ignore[operator, union-attr]
            yield from super().moves(images, noise)

    session = session_of(lambda system: [Counting(system)])
    assert session.weights()["moment_critic/calls"] == 0
    session.step()
    assert session.weights()["moment_critic/calls"] == 1


def test_a_condition_that_is_drawn_at_random_is_the_phases_to_draw(
    tiny_session: SessionOf,
    registry: Registry,
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
) -> None:
    seen: list[set[str]] = []

    class Looking(Brightness):
        def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
            seen.append(set(noise))
            yield from super().moves(images, noise)

    original = registry.get("encoder", "deterministic").component

    def build(options: Any, context: Any) -> Any:
        component: Any = original.build(options, context)
        component.phases = lambda system: [Looking(system)]
        return component

    other = make_registry([("encoder", make_component("looking", build, original.options))])
    for recipe, expected in (("learned-unsupervised", set()), ("learned-supervised", {"condition"})):
        seen.clear()
        tiny_session(recipe, other, encoder="looking").step()
        # The rehearsal gives what training gives.
        assert seen == [expected, expected]


def test_noise_of_another_batch_is_refused(session_of: SessionOf) -> None:
    class Short(Moments):
        def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
            return super().noise(1, generator, device)

    with pytest.raises(PluginError, match="gave the noise 'prior' a first dimension other than the batch's 2"):
        session_of(lambda system: [Short(system)])


def test_several_processes_refuse_a_phase_that_needs_the_whole_batch(session_of: SessionOf) -> None:
    session = session_of(one(needs_whole_batch=True))
    both = Processes()
    both.count = 2
    with pytest.raises(ConfigurationError, match="its phase 'moments' needs all samples of a batch"):
        require_shareable_terms(session.system, session.config, both)


class Brightness(Phase):
    """Pulls the decoder's output at the origin towards grey."""

    name = "brightness"
    players: Mapping[str, tuple[str, ...]] = {"decoder": ("decoder",)}

    def __init__(self, system: System) -> None:
        self.system = system

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        codes = images.new_zeros(len(images), self.system.code_dim)
        yield Move("decoder", {"brightness": self.system.decoder(codes).square().mean()})


@pytest.mark.parametrize(
    ("recipe", "slot", "name"),
    [
        ("aae", "encoder", "deterministic"),
        ("aae", "regularizer", "adversarial"),
        ("learned-supervised", "condition", "labels"),
    ],
)
def test_other_components_bring_phases_too(
    recipe: str,
    slot: str,
    name: str,
    registry: Registry,
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
    tiny_session: SessionOf,
) -> None:
    original = registry.get(slot, name).component

    def build(options: Any, context: Any) -> Any:
        component: Any = original.build(options, context)
        component.phases = lambda system: [Brightness(system)]
        return component

    other = make_registry([(slot, make_component("bringing", build, original.options))])
    session = tiny_session(recipe, other, **{slot: "bringing"})
    session.step()
    assert "brightness/brightness" in session.engine.losses(reset=False)


def test_a_critic_without_parameters_is_refused(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], tiny_session: SessionOf
) -> None:
    def build(options: Any, context: Any) -> Any:
        from priorkit_plugins.no_regularizer.regularizer import NoRegularizer

        regularizer: Any = NoRegularizer()
        regularizer.has_critic = True
        return regularizer

    other = make_registry([("regularizer", make_component("idle", build))])
    with pytest.raises(ConfigurationError, match=r"--regularizer idle: its critic, .*has_critic.* has no parameters"):
        tiny_session("aae", other, regularizer="idle")


def test_a_regularizer_whose_parameters_nobody_trains_is_refused(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], tiny_session: SessionOf
) -> None:
    registry = make_registry()
    built = registry.get("regularizer", "adversarial").component.build

    def build(options: Any, context: Any) -> Any:
        from priorkit_plugins.adversarial import AdversarialOptions

        regularizer: Any = built(AdversarialOptions(), context)
        regularizer.has_critic = False
        return regularizer

    other = make_registry([("regularizer", make_component("idle", build))])
    with pytest.raises(ConfigurationError, match=r"--regularizer idle: nothing trains its parameters: .*has_critic"):
        tiny_session("aae", other, regularizer="idle")


class Fooling(Phase):
    """A third party's way to improve a prior by an image discriminator."""

    name = "fooling"
    players: Mapping[str, tuple[str, ...]] = {"critic": ("image_critic",), "prior": ("prior",)}

    def __init__(self, system: System) -> None:
        assert system.image_critic is not None
        self.system, self.critic = system, system.image_critic

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"prior": self.system.prior.noise(n, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        made = self.system.decode(self.system.prior_codes(noise["prior"]))
        yield Move("critic", {"difference": self.critic(made.detach()).mean() - self.critic(images).mean()})
        yield Move("prior", {"prior": -self.critic(made).mean()})


def fooling(options: Options, context: Any) -> list[Phase]:
    return [Fooling(context.system)] if context.system.image_critic is not None else []


def test_a_phase_that_improves_the_prior_has_an_image_critic(
    make_registry: Callable[..., Registry], tiny_session: Callable[..., Session]
) -> None:
    said = {"summary": "fools", "source": "tests"}
    registry = make_registry([("phases", PhaseComponent("fooling", Options, fooling, **said, improves_prior=True))])
    session = tiny_session("learned", registry, phases="autoencoder,fooling", loss="pixel")
    before = [parameter.clone() for parameter in session.system.prior.parameters()]
    session.step()
    assert {"fooling/difference", "fooling/prior"} <= session.engine.losses(reset=True).keys()
    changed = zip(before, session.system.prior.parameters(), strict=True)
    assert all(not torch.equal(first, second) for first, second in changed)
    assert "image_critic" in session.system.trained()
    # With a prior that has nothing to learn, or without that word, nothing asks for one.
    fixed = tiny_session("learned", registry, phases="autoencoder,fooling", loss="pixel", prior="gaussian")
    assert fixed.system.image_critic is None
    registry = make_registry([("phases", Component("fooling", Options, fooling, **said))])
    with pytest.raises(ConfigurationError, match="no phase of this run trains it: its phases are autoencoder; add"):
        tiny_session("learned", registry, phases="autoencoder,fooling", loss="pixel")
