"""Files between the rep and the customer: sealed end to end, resumable, checked, and put where the rep wants them."""
