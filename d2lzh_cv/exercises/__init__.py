"""Code that only the exercises' scripts use."""
