"""An experiment on disk or in a bucket: its folders, documents, rows and locks."""
