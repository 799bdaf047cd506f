"""Networks that give every code, at every time between noise and codes, another one: a velocity, or the noise in it."""
