"""Benchmarks: each figure is a ratio against a calibration measured in the same run (`make bench`)."""
