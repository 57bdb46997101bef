"""Ours, the book's way and PyTorch, side by side in one run: what ``d2lzh-cv bench`` does.

``runner`` starts a process per side (``worker``), has all of them prepare a case, compares their results (``compare``)
and times them in turn. A case (``cases/``) is a description and three classes, ``Ours``, ``Book`` and ``Torch``. They
import their framework when they are made, so that a process holds one framework and the runner none. All draw the same
weights and inputs (``draw``).
"""
