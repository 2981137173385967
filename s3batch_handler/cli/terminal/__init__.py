"""Text for terminals and pipes: data, tables, progress and the live display."""
