"""Data sets drawn from a seed, in the on-disk formats of the real ones, so that one reader serves both.

Every set is drawn with Pillow and NumPy alone: no download, no font, no time stamp. The same name and seed give the
same bytes on every run of one installation.
"""
