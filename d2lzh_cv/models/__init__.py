"""Trained networks on disk and in use."""
