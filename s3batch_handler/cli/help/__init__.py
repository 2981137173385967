"""The help of commands: its panels, its colors, and suggestions."""
