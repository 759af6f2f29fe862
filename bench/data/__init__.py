"""Data sets as memory-mapped arrays: `preparation` decodes, splits and stores them; `prepared` reads them."""
