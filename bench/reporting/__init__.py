"""Reports of experiments: tables, figures and pages. Imports neither torch nor ray."""
