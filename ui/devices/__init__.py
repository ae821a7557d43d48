"""Media ports made of Qt."""
