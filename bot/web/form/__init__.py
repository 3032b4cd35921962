"""The forms of the studio and the playground, and what is read from them."""
