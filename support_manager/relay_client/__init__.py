"""The app's side of the wire: transport, typed client, sign-in, back-off and resume."""
