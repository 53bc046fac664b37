"""HR feed: people, groups and departments in SCIM 2.0."""
