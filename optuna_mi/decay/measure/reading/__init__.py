"""From what users have to sequences of codes."""
