"""Voice of a session: Opus, jitter buffers, the hub's mixer, and the microphone and speaker of this computer."""
