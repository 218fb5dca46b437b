"""Side-by-side ratios, run by hand: one script a question, each a table. Never a timed test."""

from fixtures import environment

environment.clear()
