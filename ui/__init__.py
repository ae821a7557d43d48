"""The rep's desktop app: Qt widgets that turn clicks into intents and typed events into pictures of the state."""

from ui.pyside_fixes import keep_booleans_alive, silence_pipewire

keep_booleans_alive()
silence_pipewire()
