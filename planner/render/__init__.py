"""Plans and answers for people and machines, one file a form."""
