"""What several servicers translate: the caller, request ids, kinds of people."""
