"""All that lets MXNet 1.9.1 and GluonCV import on today's machines."""
