"""Support Manager's logic: everything the rep's app does that needs no window. Imports nothing by itself."""
