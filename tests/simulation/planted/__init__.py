"""Mistakes made on purpose, each of which the simulation must find."""
