"""The versions of this package and of the MXNet that it supports."""
OURS, MXNET = "0.1.0", "1.9.1"
