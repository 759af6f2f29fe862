"""How a trained method is measured: feature extractors, distances, and what one evaluation says."""
