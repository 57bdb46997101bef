"""A section's run: its beginning and end, flags, folder, results, processes."""
