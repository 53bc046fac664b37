"""What was decided and done, provably complete, and who could see what when."""
