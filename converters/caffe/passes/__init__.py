"""Net -> Net passes that hold in every dialect: folding, in-place layers, the training style."""
