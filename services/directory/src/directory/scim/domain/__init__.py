"""HR feed by SCIM 2.0 (RFC 7643, RFC 7644), and its effect on people."""
