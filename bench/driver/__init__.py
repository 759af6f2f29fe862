"""One command, from resolved options to the report."""
