"""Import MXNet 1.9.1 and GluonCV on today's machines."""
