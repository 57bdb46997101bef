"""A local page on which trained networks answer with the reader's own pictures: ``d2lzh-cv demo``."""
