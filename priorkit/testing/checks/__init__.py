"""The checks, by what they look at: numbers, randomness, gradients, states, devices, precisions, densities."""
