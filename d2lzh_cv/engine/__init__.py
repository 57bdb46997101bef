"""Training that can stop and resume bit for bit: the loop, snapshots, seeds, workers."""
