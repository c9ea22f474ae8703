"""What staff did that touches money: an append-only table, written in the transaction of the act itself."""
