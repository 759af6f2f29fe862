"""Statistics on data frames of results. Imports neither torch nor ray."""
