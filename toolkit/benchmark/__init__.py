"""How fast models run in engines, and how much faster one than another: measured in turn, so that drift cancels."""
