"""The servicers of people: a request becomes one operation or query, its outcome the response."""
