"""Names the prior where it fails in a stage on codes."""

from collections.abc import Iterator
from contextlib import contextmanager

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, PriorkitError
from priorkit.registry import Registry
from priorkit.registry.guard import guarded, refusal_in_words

__all__ = ["prior_named"]


@contextmanager
def prior_named(config: RunConfig, registry: Registry) -> Iterator[None]:
    """Makes one line of what a prior raises inside: priorkit's own phases, which call it, are not to blame.

    Args:
        config: The run's settings.
        registry: Where components come from.

    Raises:
        ConfigurationError: The prior refuses the codes.
        PluginError: The prior is a third party's, and fails.
    """
    registered, given = registry.get("prior", config.prior.name), f"--prior {config.prior.name}"
    try:
        with guarded(registered, given):
            yield
    except PriorkitError:
        raise
    except ValueError as error:
        raise ConfigurationError(f"{given}: {refusal_in_words(registered, error)}") from error
