"""The chapter in PyTorch, written once: what ``tests/crosscheck`` compares with and ``benchmarks`` times.

It imports neither MXNet nor ``d2lzh_cv``: a process of the benchmarks holds one framework, and an opinion that borrows
is no second one.
"""
