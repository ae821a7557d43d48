"""Media of a session: connections to the participants, pictures, and what their figures say."""
