"""Published weights: finding, converting and loading them."""
