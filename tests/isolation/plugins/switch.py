"""Gives a flag of priorkit's another meaning."""

from pydantic import Field

from priorkit.plugins import Component, Options, hookimpl


class SwitchOptions(Options):
    noise_dim: bool = Field(False, description="another meaning of a flag")


@hookimpl
def priorkit_priors():
    return [Component("switch", SwitchOptions, print, "a prior", "a test")]
