"""A quantised model -> the float network inside it, and the ranges that its activations were quantised with."""
