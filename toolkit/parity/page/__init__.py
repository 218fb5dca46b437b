"""Reports for people and for CI systems: one HTML file, JUnit XML."""
