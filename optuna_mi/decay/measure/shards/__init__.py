"""Curves of data larger than memory: counts of parts add up to those of the whole."""
