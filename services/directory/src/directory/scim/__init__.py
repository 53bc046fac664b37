"""The HR feed: people, groups and departments as SCIM 2.0 says them."""
