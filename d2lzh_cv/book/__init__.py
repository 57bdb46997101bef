"""The book's figures, the comparison with a run, and the report page of a run."""
