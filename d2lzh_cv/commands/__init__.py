"""The larger commands of ``d2lzh-cv``, a module each: ``add`` puts its parser among the others. None imports MXNet."""
