"""The evaluation of a trained method: feature extractors, reference statistics, scores, and the columns of a row."""
