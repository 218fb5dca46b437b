"""Caffe layers from other Caffe layers, exactly; each file holds the rewrites of one family."""
