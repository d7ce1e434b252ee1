"""A made-up shop whose truth is known: makes data/demo from a seed, and histories for tests and benchmarks."""
