"""What only the exercises' scripts use."""
