"""Whether MI has peaks that repeat, and what becomes of them."""
