"""Layers that the fork lacks, as source; a package so that they are installed with it."""
