"""The report of a benchmark for people: one HTML file."""
