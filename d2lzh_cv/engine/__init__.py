"""Training that can stop and resume to the bit: the loop, snapshots, seeds, workers."""
