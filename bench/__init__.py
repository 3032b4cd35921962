"""Speed, memory and chaos, measured on this machine; ``python -m bench`` runs what is quick."""
