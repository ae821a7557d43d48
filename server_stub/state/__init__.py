"""Sessions without any input or output: requests become facts, facts make the state, facts become events."""
