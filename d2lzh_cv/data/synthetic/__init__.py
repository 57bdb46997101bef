"""Data sets drawn from a seed in the file formats of the real ones, so that one reader serves both.

Pillow and NumPy draw every set, without downloads, fonts or time stamps. The same name and seed give the same bytes on
every run of one installation.
"""
