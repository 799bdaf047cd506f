"""priorkit: plug-in priors for autoencoders."""
