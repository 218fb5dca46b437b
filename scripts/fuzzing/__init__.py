"""Broken inputs by the thousand, each in a worker with limits: what the fuzzers of both directions share."""
