"""What MI is measured where there is none: baseline, floor and errors."""
