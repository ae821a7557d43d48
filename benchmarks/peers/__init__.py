"""The two ends of a measured share: customer and viewers, each a process of its own."""
