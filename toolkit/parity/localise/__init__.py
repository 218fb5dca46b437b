"""Where engines differ: layer by layer, or by cutting the net, down to the part at fault in a folder of its own."""
