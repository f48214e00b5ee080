"""The room beneath ``cassette.store`` in which files are touched. The rest of ``cassette`` is pure."""
