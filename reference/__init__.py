"""Second opinions: what the chapter computes, written again in another framework."""
