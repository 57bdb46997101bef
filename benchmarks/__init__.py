"""Ours, the book's way, PyTorch and ONNX Runtime, side by side in one run: what ``d2lzh-cv bench`` does.

``runner`` starts a process per side (``worker``), has all of them prepare a case, compares their results (``compare``)
and times them in turn. ``sides`` has one record for each side. A case (``cases/``) is a description and a class for
each framework: ``Ours``, ``Book``, ``Torch``, ``Onnx``. They import their framework when they are made, so that a
process holds one framework and the runner none. All draw the same weights and inputs (``draw``).
"""
