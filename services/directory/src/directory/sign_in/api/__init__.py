"""The servicer of sign-in: a request becomes one operation or query, its outcome the response."""
