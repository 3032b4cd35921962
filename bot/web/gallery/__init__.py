"""The challenges' gallery: public pages that only show, as plain HTML, so that links unfurl and nothing needs a script.

``/challenges`` lists them; ``/challenges/THEME-ID`` shows one: rules while entries come in, numbered pictures of nobody
in particular while votes come in, places, makers and recipes afterwards. Counts are hidden until the results.
"""
