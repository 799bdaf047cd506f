"""Has a prior of a name that priorkit has too, which prints when it is built."""

from priorkit.plugins import Component, Options, hookimpl


def build(options, context):
    import torch
    from torch.distributions import Independent, Normal

    from priorkit.interfaces import Prior

    class SoundPrior(Prior):
        has_density = True
        code_dim = context.code_dim

        def noise(self, n, *, generator=None, device=None):
            return torch.randn(n, self.code_dim, generator=generator, device=device)

        def forward(self, noise, condition=None):
            return noise

        def log_prob(self, code, condition=None):
            return self.distribution().log_prob(code)

        def distribution(self):
            zeros = torch.zeros(self.code_dim)
            return Independent(Normal(zeros, zeros + 1), 1)

    print("made a prior")
    return SoundPrior()


@hookimpl
def priorkit_priors():
    return [Component("gaussian", Options, build, "a prior", "a test")]
