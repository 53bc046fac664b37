"""Reading: cursors, unread counts, receipts and threads."""
