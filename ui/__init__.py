"""The rep's desktop app: Qt widgets that turn clicks into intents and typed events into pictures of the state."""
