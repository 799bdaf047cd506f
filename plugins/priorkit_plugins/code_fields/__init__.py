"""Networks from a code and a time between noise and data to a vector of the code's shape: a velocity, or noise."""
