"""What lowerings of several operators are made of; nothing here registers an operator."""
