"""What keeps one visitor from closing the site for others: shares, deadlines, pace, limits."""
