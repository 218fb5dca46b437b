"""Labelled images: folders of classes, LMDB data sets of our own and Caffe's; read alike, without trusting the file."""
