"""The reader's own data: annotations in six formats, checked and packed for sections 9.7 and 9.10."""
