"""The laws of decay: their formula, their fits, the choice among them."""
