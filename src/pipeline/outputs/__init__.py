"""Where the engine's outputs go."""
