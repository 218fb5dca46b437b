"""Layers that stand for many: no Caffe has them, the rewrites of the dialects build them, no file holds them.

A lowering makes one of these where the best form differs from dialect to dialect.
"""
