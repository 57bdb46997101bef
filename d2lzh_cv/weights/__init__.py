"""Published weights: found, converted, loaded."""
