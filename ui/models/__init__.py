"""Item models for lists."""
