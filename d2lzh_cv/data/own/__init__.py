"""The reader's own data: annotations of six kinds, checked and packed into what sections 9.7 and 9.10 read."""
