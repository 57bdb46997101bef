"""A run as a page: pictures, recorded results, training curves."""
