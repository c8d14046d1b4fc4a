"""Searches replayed over recorded trainings: what the data's prior is worth, and where."""
