"""Training classifiers: the recipe, the order of the images, the loop, and checkpoints that go on bit for bit."""
