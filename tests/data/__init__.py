"""Real meter data through `log build` and `replay`: its defects are found, its energy is charged."""
