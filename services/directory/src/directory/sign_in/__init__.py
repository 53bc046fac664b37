"""Ways to sign in: passwords, second factors, passkeys and single sign-on."""
