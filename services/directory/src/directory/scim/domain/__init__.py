"""What an HR feed says by SCIM 2.0 (RFC 7643, RFC 7644), and what it means for people."""
