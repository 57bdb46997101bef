"""The version of this package, and of the MXNet that it is measured with."""
OURS, MXNET = "0.1.0", "1.9.1"
