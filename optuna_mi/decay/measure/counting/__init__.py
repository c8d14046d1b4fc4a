"""How often symbols and pairs of them occur, and MI from that."""
