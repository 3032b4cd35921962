"""Preset styles: named pictures to borrow a style from, drawn by the project itself or added by the operator.

`catalogue` finds them and needs only Pillow; `drawing` draws the built-in ones and needs the worker's libraries.
"""
