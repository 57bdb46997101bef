"""The larger commands of ``d2lzh-cv``, one per module: ``add`` adds the parser. No module imports MXNet at its top."""
