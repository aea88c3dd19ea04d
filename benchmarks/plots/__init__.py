"""Pictures of the figures, as SVG: `python -m benchmarks.plots`."""
