"""From sequences to a DecayCurve: reading, counting, baseline and floor."""
