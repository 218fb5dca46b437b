"""A file that lists models, dialects and engines -> all of them exported, converted and compared, in one run."""
