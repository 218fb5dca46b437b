"""How often networks are right, in any engine, on the same images, and where they differ. Needs no torch."""
