"""Load driver, correctness checker and report of the benchmarks."""
