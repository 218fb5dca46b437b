"""Code that runs in the worker process, under a Python that may not have the rest of this package."""
